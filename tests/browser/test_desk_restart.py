"""A page that stays open while its gateway goes away and comes back."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page
from tests.browser.conftest import opened
from tests.browser.test_desk_page import live, number
from tests.integration.test_feeds import decision, tick
from tests.support.processes import Process, until

from osiris_cli.network import free_port
from osiris_contracts import streams
from osiris_mesh import Bus

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="module"),
]


async def happen(bus: Bus, first: int, last: int) -> None:
    for each in range(first, last + 1):
        await bus.publish(streams.MARKET_TICKS, tick(each))
        await bus.publish(streams.ADVICE_GENERATED, decision(each))


async def shows(page: Page, count: int) -> None:
    """As many bars and as many cycles, each told of once."""

    async def all_of_them() -> Any:
        return await number(page, "#chart", "bars") == count and await page.locator(".cycle").count() == count

    await until(all_of_them, what=f"{count} bars and cycles")
    assert await number(page, "html", "events") == 2 * count


async def test_a_page_goes_on_after_a_restart_of_the_gateway_without_gap_or_double(
    browser: Browser, shared_redis: Any, tmp_path: Path
) -> None:
    port = str(free_port("127.0.0.1"))
    async with Bus(shared_redis.url, "test") as bus:
        await bus.redis.flushall()
        await happen(bus, 1, 10)
        with Process("gateway", shared_redis.url, tmp_path, OSIRIS_GATEWAY_PORT=port) as gateway:
            await gateway.ready()
            async with opened(browser, f"http://127.0.0.1:{port}/", quiet=False) as page:
                await live(page)
                await happen(bus, 11, 20)
                await shows(page, 20)
                gateway.kill()
                await page.wait_for_selector("#link[data-state=away]")
                await happen(bus, 21, 30)
                gateway.start()
                await gateway.ready()
                await live(page)
                await happen(bus, 31, 40)
                await shows(page, 40)


async def test_a_desk_with_a_key_asks_for_it_once_in_a_tab(browser: Browser, redis_url: str, tmp_path: Path) -> None:
    port, key = str(free_port("127.0.0.1")), "a-key-of-this-test"
    environment = {"OSIRIS_GATEWAY_PORT": port, "OSIRIS_GATEWAY_API_KEY": key}
    with Process("gateway", redis_url, tmp_path, **environment) as gateway:
        await gateway.ready()
        async with opened(browser, f"http://127.0.0.1:{port}/", quiet=False) as page:
            await page.get_by_label("Key", exact=True).fill(key)
            await page.keyboard.press("Enter")
            await live(page)
            await page.reload()
            await live(page)
