"""What a night's report shows, and that nothing in it can run."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.unit.trainer.test_verdict import RIGHT, TIGHT, compared, verdict

from osiris_trainer.night import report
from osiris_trainer.night.examples import DatasetManifest
from osiris_trainer.night.judging import Compared


@pytest.fixture
def written(tmp_path: Path) -> Path:
    held_out = [compared(TIGHT, RIGHT)] * 7 + [compared(None, TIGHT)]
    nasty = held_out[0].example.model_copy(update={"prompt": "<script>alert(1)</script> SPY & OIL"})
    facts = report.Facts(
        night="0123abcd",
        lineage={"data": "sha-of-data", "code": "sha-of-code"},
        dataset=DatasetManifest(content="c", train=30, pairs=28, held_out=8, regression=0),
        losses={
            "sft": [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}],
            "dpo": [{"step": 1, "loss": 0.7, "rewards/margins": 0.1}, {"step": 2, "loss": 0.5, "rewards/margins": 1.4}],
        },
        verdict=verdict(held_out, time_ratio=verdict([]).cost.time_ratio),
        held_out=[Compared(nasty, TIGHT, RIGHT), *held_out],
    )
    report.write(tmp_path, facts)
    return tmp_path


def test_markdown_and_html_tell_the_same(written: Path) -> None:
    markdown, html = ((written / f"report.{kind}").read_text() for kind in ("md", "html"))
    for text in (markdown, html):
        assert "Night 0123abcd: accepted" in text
        assert re.search(r"new_stop_pct\D+0.1[78]\D+0.90", text)
        assert "SPY LONG, stop 2.5 %, target 5 %, confidence 0.7" in text
        assert "sha-of-data" in text
    assert markdown.count("| agreement, ") == html.count("agreement, ") == 2


def test_the_page_runs_nothing_and_loads_nothing(written: Path) -> None:
    html = (written / "report.html").read_text()
    assert "default-src 'none'" in html
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert not re.search(r"(src|href)=", html)


def test_plots_are_drawings_of_their_own(written: Path) -> None:
    for name, drawn in (("loss", 2), ("margins", 1)):
        svg = ElementTree.fromstring((written / f"{name}.svg").read_text())  # our own
        assert len(svg.findall("{http://www.w3.org/2000/svg}polyline")) == drawn
    fields = (written / "fields.svg").read_text()
    assert ">new_stop_pct<" in fields
    assert fields in (written / "report.html").read_text()
