"""A real browser: Debian's Chromium, driven by Playwright, which brings none of its own here."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = shutil.which("chromium")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """The browser of all tests of a file."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: tests/browser/install.sh installs it on Debian, as root")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield running
        await running.close()


@asynccontextmanager
async def opened(
    browser: Browser, url: str, *, width: int = 1440, height: int = 980, dark: bool = False, quiet: bool = True
) -> AsyncIterator[Page]:
    """A page of its own; `quiet`: it must log no error, and ask nobody but its own origin."""
    origin = "/".join(url.split("/")[:3])
    said: list[str] = []
    context = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
    )
    page = await context.new_page()
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if not _own(request.url, origin) else None)
    await page.goto(url)
    yield page
    await context.close()
    if quiet:
        assert said == []


def _own(url: str, origin: str) -> bool:
    return url.startswith((origin, "blob:", "data:"))
