"""The README's pictures: a desk that has worked for a while, light and dark. `make pictures` puts them in docs/img."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from tests.browser.conftest import opened
from tests.browser.test_desk_page import Desk, live, running_desk
from tests.support.processes import until

LARGEST = 300_000
"""Bytes of a picture."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(browser: Browser, tmp_path_factory: pytest.TempPathFactory, models_root: Path) -> AsyncIterator[Desk]:
    """A desk at work."""
    async with running_desk(tmp_path_factory.mktemp("pictures"), models_root) as found:
        yield found


async def test_the_pictures_of_the_readme_are_small_and_show_a_desk_at_work(
    desk: Desk, browser: Browser, tmp_path: Path, repository: Path
) -> None:
    wanted = os.environ.get("DESK_PICTURES")
    folder, cycles = (repository / wanted, 8) if wanted else (tmp_path, 1)

    async def worked() -> Any:
        return len(await desk.decisions()) >= cycles

    await until(worked, timeout=300, what=f"{cycles} cycles")
    for name, dark in (("desk-light", False), ("desk-dark", True)):
        async with opened(browser, desk.url, dark=dark) as page:
            await live(page)
            await page.locator(".cycle[data-status] .score").first.wait_for()
            await page.wait_for_timeout(1000)  # the scales of the charts glide
            path = folder / f"{name}.png"
            await page.screenshot(path=path)
            assert 10_000 < path.stat().st_size < LARGEST
