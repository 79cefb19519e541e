"""What the desk's page is made of."""

import re
from hashlib import sha256

from osiris_gateway import pages
from osiris_mesh.http import wheels

# TradingView's own build of 4.1.3, as its npm package has it but for the last line break
CHARTS = "a7d4221516c7ea0bb0cc17d605df8848c1c748517a2ca43c2ce1a95ddb159006"


def test_the_charts_are_tradingviews_own_and_are_attributed() -> None:
    script = (wheels.folder("lightweight_charts", "lightweight-charts", "js") / "lightweight-charts.js").read_bytes()
    assert sha256(script).hexdigest() == CHARTS
    assert b"Apache License 2.0" in script[:400]
    page = (pages.STATIC / "desk.html").read_text()
    assert "https://www.tradingview.com/" in page
    assert "© TradingView, Inc." in page


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    for page in pages.STATIC.glob("*.html"):
        text = page.read_text()
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", text), page.name
        assert not re.search(r'(?:src|<link[^>]*href)="(?:https?:)?//', text), page.name
