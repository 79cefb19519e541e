"""The desk's page in a real browser, over a real desk: models, venue, recorder."""

import base64
import io
import math
import re
import wave
from array import array
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect
from tests.browser.conftest import opened
from tests.support.desk import services
from tests.support.processes import Process, until

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_cli.network import free_port
from osiris_contracts import AudioClip, Decision, streams
from osiris_desk.state import State
from osiris_mesh import Bus
from osiris_mesh.connection import ensure_group
from osiris_mesh.envelope import parse
from osiris_store import Table
from osiris_trainer.rows import FEEDBACK

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="module"),
]


@dataclass(frozen=True, slots=True)
class Desk:
    """A desk that runs, and where its page is."""

    url: str
    home: Path
    bus: Bus

    async def decisions(self) -> list[Decision]:
        entries = await self.bus.redis.xrange(streams.ADVICE_GENERATED)
        return [Decision.model_validate_json(parse(fields).data) for _, fields in entries]


@asynccontextmanager
async def running_desk(folder: Path, models: Path) -> AsyncIterator[Desk]:
    """Everything but the voice; a bar every tenth of a second, as long as the desk keeps up."""
    home, port = folder / "home", free_port("127.0.0.1")
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(EmbeddedRedis(folder / "redis", persistent=False))
        bus = await stack.enter_async_context(Bus(redis.url, "test"))
        await ensure_group(bus.redis, streams.MARKET_TICKS, streams.DESK_GROUP)
        names = ("phi3", "hermes", "trainer", "orchestrator", "gateway")
        environment = {"OSIRIS_GATEWAY_PORT": str(port)}
        await stack.enter_async_context(services(redis.url, home, models, *names, **environment))
        stack.enter_context(Process("sim", redis.url, home, "--speed", "10x"))
        yield Desk(f"http://127.0.0.1:{port}/", home, bus)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(browser: Browser, tmp_path_factory: pytest.TempPathFactory, models_root: Path) -> AsyncIterator[Desk]:
    """The desk of all tests of this file."""
    async with running_desk(tmp_path_factory.mktemp("desk"), models_root) as found:
        yield found


async def live(page: Page) -> None:
    await expect(page.locator("#link")).to_have_attribute("data-state", "live", timeout=20_000)


async def number(page: Page, selector: str, name: str) -> int:
    return int(await page.locator(selector).get_attribute(f"data-{name}") or 0)


async def test_a_proposal_appears_on_the_chart_and_in_the_list_and_its_critique_as_it_is_written(
    desk: Desk, browser: Browser
) -> None:
    async with opened(browser, desk.url) as page:
        await live(page)
        await page.wait_for_selector(".critique.writing", timeout=120_000)
        first = await page.inner_text(".critique.writing p")

        async def longer() -> bool:
            return any(len(text) > len(first) for text in await page.locator(".critique p").all_inner_texts())

        await until(longer, what="the critic to write on")
        await page.wait_for_selector(".cycle[data-status=accepted]", timeout=120_000)
        assert await number(page, "#chart", "bars") >= 5
        assert await number(page, "#chart", "marks") >= 1
        (one, *_) = await desk.decisions()
        card = page.locator(f".cycle[data-run='{one.run_id}']")
        assert one.proposal and one.critique and one.critique.score is not None
        await expect(card.locator(".rationale")).to_contain_text(one.proposal.rationale)
        await expect(card.locator(".critique p")).to_contain_text(one.critique.text.split("\n")[0].strip()[:40])
        await expect(card.locator(".score")).to_have_text(f"{one.critique.score:g}")
        await expect(page.locator("#book")).to_contain_text("Value")
        await expect(page.locator("#services li")).to_have_count(6)
        await expect(page.locator("#versions")).to_contain_text("phi3 smollm2")
        await expect(page.locator("#dead")).to_have_text("no dead letters")


async def test_a_correction_made_in_place_is_in_the_store(desk: Desk, browser: Browser) -> None:
    async with opened(browser, desk.url) as page:
        await live(page)
        card = page.locator(".cycle[data-status=accepted]").last
        run = await card.get_attribute("data-run")
        await card.get_by_role("button", name="Correct").click()
        await card.get_by_label("Should have been").select_option("SHORT")
        await card.get_by_label("Stop, %").fill("0.75")
        await card.get_by_label("Rationale").fill("The trend is down.")
        await card.get_by_label("Why you correct it").fill("it bought a falling market")
        await card.get_by_role("button", name="Send correction").click()
        await expect(card.locator(".feedback .note")).to_contain_text("corrected")
        await card.get_by_role("button", name="Rate as bad").click()
        await expect(card.get_by_role("button", name="Rate as bad")).to_have_attribute("aria-pressed", "true")
        table = await Table.open(desk.home / "data" / "lancedb", "feedback", FEEDBACK)

        async def rows() -> Any:
            found = [row for row in await table.rows() if row["transaction_id"] == run]
            return found if len(found) == 2 else None

        correction, rating = sorted(await until(rows), key=lambda row: str(row["feedback_type"]))
        assert correction["feedback_content"] == '"it bought a falling market"'
        assert '"side":"SHORT"' in correction["corrected_proposal"].replace(" ", "")
        assert '"new_stop_pct":0.75' in correction["corrected_proposal"].replace(" ", "")
        assert rating["feedback_content"] == '"down"'


async def test_what_the_gateway_refuses_is_told_in_the_form(desk: Desk, browser: Browser) -> None:
    async with opened(browser, desk.url, quiet=False) as page:  # the browser logs the 422
        await live(page)
        card = page.locator(".cycle[data-status=accepted]").last
        await card.get_by_role("button", name="Correct").click()
        await card.get_by_label("Confidence").evaluate("field => { field.max = ''; field.value = '7'; }")
        await card.get_by_role("button", name="Send correction").click()
        await expect(card.get_by_role("alert")).to_contain_text("confidence")
        await expect(card.get_by_label("Confidence")).to_be_visible()  # nothing typed is lost


async def test_new_orders_are_stopped_after_a_confirmation_with_the_keyboard_alone(
    desk: Desk, browser: Browser
) -> None:
    async def stopped() -> bool:
        return State.from_json(await desk.bus.redis.get("state:orchestrator")).orders_stopped

    async with opened(browser, desk.url) as page:
        await live(page)
        for _ in range(12):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement.id") == "stop":
                break
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Stop new orders?")).to_be_visible()
        await page.keyboard.press("Escape")
        assert not await stopped()
        await page.keyboard.press("Enter")
        await page.get_by_label("Reason").fill("the news")
        await page.keyboard.press("Enter")
        await expect(page.locator("#banner")).to_contain_text("New orders are stopped", timeout=20_000)
        await expect(page.locator("#banner")).to_contain_text("the news")
        assert await stopped()
        made = len(await desk.decisions())

        async def one_more() -> Any:
            return (await desk.decisions())[made + 1 :]

        for decided in await until(one_more, timeout=120, what="a decision of the stopped desk"):
            assert decided.order is None or decided.order.reduce_only
    async with opened(browser, desk.url) as page:  # whoever comes later sees it as well
        await live(page)
        await expect(page.locator("#banner")).to_contain_text("New orders are stopped")
        await page.get_by_role("button", name="Allow new orders").click()
        await page.locator("#confirm-yes").click()
        await expect(page.locator("#banner")).to_be_hidden(timeout=20_000)
        assert not await stopped()


def sine(seconds: float) -> AudioClip:
    rate = 16_000
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = (int(8000 * math.sin(2 * math.pi * 440 * each / rate)) for each in range(int(seconds * rate)))
        file.writeframes(array("h", samples).tobytes())
    wav = base64.b64encode(sound.getvalue()).decode()
    about: dict[str, Any] = {"index": 0, "last": True, "sample_rate": rate, "engine": "sine"}
    return AudioClip(request_id="a", text="a tone", seconds=seconds, wav_b64=wav, **about)


async def plays(page: Page) -> float:
    return float(await page.evaluate("document.getElementById('voice')?.currentTime ?? 0"))


async def test_after_a_click_the_voice_is_heard_and_can_be_muted(desk: Desk, browser: Browser) -> None:
    async with opened(browser, desk.url) as page:
        await live(page)
        await page.get_by_role("button", name="Enable sound").click()
        await expect(page.locator("#sound")).to_have_attribute("data-stream", "open")
        await desk.bus.publish(streams.AUDIO_BYTES, sine(1.5))

        async def advanced() -> Any:
            return await plays(page) > 0.3

        await until(advanced, what="the clip to play")
        await page.get_by_role("button", name="Mute").click()
        assert await page.evaluate("document.getElementById('voice').muted")
        await expect(page.get_by_role("button", name="Unmute")).to_be_visible()


async def test_the_audio_console_plays_what_the_gateway_it_is_told_of_says(desk: Desk, browser: Browser) -> None:
    async with opened(browser, f"{desk.url}static/audio_console.html") as page:
        await page.get_by_role("button", name="Listen").click()
        await expect(page.locator("#state")).to_have_text("Listening.")
        for _ in range(2):
            await desk.bus.publish(streams.AUDIO_BYTES, sine(0.3))
        await expect(page.locator("#clips")).to_have_text("2")

        async def advanced() -> Any:
            return await plays(page) > 0.1

        await until(advanced, what="the clip to play")


async def test_the_audio_console_from_disk_says_what_a_gateway_must_allow(
    desk: Desk, browser: Browser, repository: Path
) -> None:
    page_file = repository / "services/gateway/osiris_gateway/static/audio_console.html"
    async with opened(browser, page_file.as_uri(), quiet=False) as page:
        await page.locator("#gateway").fill(desk.url)
        await page.get_by_role("button", name="Listen").click()
        await expect(page.locator("#help")).to_contain_text("null (a page from disk)", timeout=20_000)


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (375, False), (2560, True)])
async def test_it_is_readable_at_any_width_and_has_no_serious_accessibility_fault(
    desk: Desk, browser: Browser, width: int, dark: bool
) -> None:
    async with opened(browser, desk.url, width=width, dark=dark) as page:
        await live(page)
        await page.locator(".cycle[data-status]").first.wait_for()
        await page.get_by_role("button", name=re.compile("^Correct")).last.click()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        found = await Axe().run(page)
        serious = [each for each in found.response["violations"] if each["impact"] in ("serious", "critical")]
        assert serious == [], [(each["id"], [node["html"] for node in each["nodes"]]) for each in serious]
