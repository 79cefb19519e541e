"""The audio console opened from disk, at a gateway that lets such pages in, plays what the real voice says."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, expect
from tests.browser.conftest import opened
from tests.support.processes import Process, until

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_cli.network import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="module"),
]


async def test_a_page_from_disk_plays_what_the_desk_says(browser: Browser, tmp_path: Path, repository: Path) -> None:
    port = str(free_port("127.0.0.1"))
    with EmbeddedRedis(tmp_path / "redis", persistent=False) as redis:
        door = Process(
            "gateway",
            redis.url,
            tmp_path,
            OSIRIS_GATEWAY_PORT=port,
            OSIRIS_GATEWAY_CORS_ORIGINS="null",
        )
        with door, Process("tts", redis.url, tmp_path) as voice:
            await door.ready()
            await voice.ready()
            page_file = repository / "services/gateway/osiris_gateway/static/audio_console.html"
            async with opened(browser, page_file.as_uri(), quiet=False) as page:
                await page.locator("#gateway").fill(f"http://127.0.0.1:{port}/")
                await page.get_by_role("button", name="Listen").click()
                await expect(page.locator("#state")).to_have_text("Listening.", timeout=20_000)
                async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
                    spoken = await http.post("/speak", json={"text": "Gold rose 0.3 % in two hours."})
                assert spoken.status_code == 200, spoken.text
                await expect(page.locator("#clips")).to_have_text("1")

                async def advanced() -> Any:
                    return await page.evaluate("document.getElementById('voice')?.currentTime ?? 0") > 0.1

                await until(advanced, what="the voice to be heard")
