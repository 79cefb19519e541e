"""Puts a night's numbers, plots and examples into `report.md` and `report.html`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from osiris_contracts import Proposal
from osiris_trainer.night.examples import DatasetManifest
from osiris_trainer.night.judging import Compared, Verdict
from osiris_trainer.night.report import charts

EXAMPLES = 6

_MARGIN = "rewards/margins"  # as trl logs it


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report tells.

    Attributes:
        night: its name.
        lineage: hashes of what the candidate was made from, by name.
        losses: by stage what the training logged, one mapping a step with `step`, `loss` and maybe a margin.
        held_out: what both versions answered.
    """

    night: str
    lineage: Mapping[str, str]
    dataset: DatasetManifest
    losses: Mapping[str, Sequence[Mapping[str, Any]]]
    verdict: Verdict
    held_out: Sequence[Compared]


def write(folder: Path, facts: Facts) -> None:
    """Write the reports, and the plots that the Markdown shows, into a folder that is there."""
    plots = {
        "loss": charts.lines("Loss", _curves(facts, "loss"), x="step"),
        "margins": charts.lines("Preference margin, nats", _curves(facts, _MARGIN), x="step"),
        "fields": charts.wins(
            "Nearer to the correction: candidate, neither, version in use",
            {each.name: (each.wins, each.ties, each.losses) for each in facts.verdict.fields},
        ),
    }
    for name, plot in plots.items():
        (folder / f"{name}.svg").write_text(plot, encoding="utf-8")
    examples = [
        (each.example.prompt, *map(_terms, (each.base, each.candidate, each.example.chosen)))
        for each in facts.held_out[:EXAMPLES]
    ]
    environment = Environment(
        loader=PackageLoader("osiris_trainer.night.report"),
        autoescape=select_autoescape(("html.jinja",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for kind in ("md", "html"):
        text = environment.get_template(f"report.{kind}.jinja").render(
            facts=facts, verdict=facts.verdict, plots=plots, examples=examples
        )
        (folder / f"report.{kind}").write_text(text, encoding="utf-8")


def _curves(facts: Facts, value: str) -> dict[str, charts.Points]:
    return {
        stage: [(float(each["step"]), float(each[value])) for each in logged if value in each and "step" in each]
        for stage, logged in facts.losses.items()
    }


def _terms(proposal: Proposal | None) -> str:
    if proposal is None:
        return "no proposal"
    if proposal.action != "adjust":
        return f"{proposal.ticker} {proposal.action}, confidence {proposal.confidence:g}"
    stop, target = (
        "none" if each is None else f"{each:g} %" for each in (proposal.new_stop_pct, proposal.new_target_pct)
    )
    return f"{proposal.ticker} {proposal.side}, stop {stop}, target {target}, confidence {proposal.confidence:g}"
