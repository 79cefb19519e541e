"""From answers and measurements to the verdict. Pure arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from osiris_contracts import Proposal
from osiris_inference.comparison import win_rate
from osiris_trainer.night.examples import Example
from osiris_trainer.night.judging.agreement import FIELDS, agreement, score
from osiris_trainer.night.judging.verdict import Bounds, Cost, Criteria, FieldCompared, SetCompared, Verdict

_TIE = 0.005  # agreement that differs by less than half a hundredth is equal: nobody trades on it


@dataclass(frozen=True, slots=True)
class Compared:
    """One correction, and what both versions answer in its situation; None: no valid proposal."""

    example: Example
    base: Proposal | None
    candidate: Proposal | None


def decide(
    *,
    base: str,
    candidate: str,
    held_out: Sequence[Compared],
    regression: Sequence[Compared],
    cost: Cost,
    criteria: Criteria,
) -> Verdict:
    """The verdict on `candidate`; whatever is not shown is not taken as given: without corrections it is refused.

    Args:
        base, candidate: versions.
        held_out: what neither was trained on.
        regression: what has to stay as good.
    """
    compared = _compared(held_out)
    fields = tuple(_field(name, held_out) for name in FIELDS)
    kept = _compared(regression)
    rate = win_rate(compared.wins, compared.losses)
    reasons = [
        *_validity(compared, kept),
        *_learning(compared, fields, Bounds.of(rate), criteria),
        *_regression(kept, criteria),
        *_cost(cost, criteria),
    ]
    return Verdict(
        base=base,
        candidate=candidate,
        accepted=not reasons,
        reasons=tuple(reasons),
        win_rate=Bounds.of(rate),
        held_out=compared,
        fields=fields,
        regression=kept,
        cost=cost,
        criteria=criteria,
    )


def _validity(*sets: SetCompared) -> list[str]:
    invalid, asked = sum(each.invalid_candidate for each in sets), sum(each.examples for each in sets)
    return [f"expected valid proposals only, {invalid} of {asked} were not"] if invalid else []


def _learning(held_out: SetCompared, fields: Sequence[FieldCompared], rate: Bounds, criteria: Criteria) -> list[str]:
    reasons = []
    if rate.low <= criteria.win_rate:
        reasons.append(
            f"expected a win rate on held-out corrections that is above {criteria.win_rate:.0%} beyond chance, was "
            f"{rate.estimate:.0%} ({rate.low:.0%} to {rate.high:.0%}): {held_out.wins} won, {held_out.losses} lost"
        )
    reasons += [
        f"expected no field to get worse beyond chance, {each.name} won {each.wins} and lost {each.losses}"
        for each in fields
        if win_rate(each.wins, each.losses).high < 1 / 2
    ]
    return reasons


def _regression(kept: SetCompared, criteria: Criteria) -> list[str]:
    if kept.examples and kept.candidate < kept.base - criteria.regression_margin:
        return [
            f"expected an agreement on the regression set of at least {kept.base:.3f} - "
            f"{criteria.regression_margin:g}, was {kept.candidate:.3f}"
        ]
    return []


def _cost(cost: Cost, criteria: Criteria) -> list[str]:
    """Slower is what measures as too slow and is slower beyond chance: a busy machine alone refuses nobody."""
    most = 1 + criteria.cost_margin
    slower = cost.time_ratio.low > 1
    ratios = {"time": cost.time_ratio.estimate if slower else 1.0, "memory": cost.memory_ratio}
    return [
        f"expected at most {most:g} times the {name} of the version in use, was {ratio:.3f}"
        for name, ratio in ratios.items()
        if ratio > most
    ]


def _compared(answers: Sequence[Compared]) -> SetCompared:
    pairs = [(score(each.base, each.example.chosen), score(each.candidate, each.example.chosen)) for each in answers]
    wins, ties, losses = _counted(pairs)
    return SetCompared(
        examples=len(answers),
        base=_mean([base for base, _ in pairs]),
        candidate=_mean([candidate for _, candidate in pairs]),
        wins=wins,
        ties=ties,
        losses=losses,
        preference_base=_preference([(each.example, each.base) for each in answers]),
        preference_candidate=_preference([(each.example, each.candidate) for each in answers]),
        invalid_base=sum(each.base is None for each in answers),
        invalid_candidate=sum(each.candidate is None for each in answers),
    )


def _field(name: str, answers: Sequence[Compared]) -> FieldCompared:
    pairs = [
        (agreement(each.base, each.example.chosen)[name], agreement(each.candidate, each.example.chosen)[name])
        for each in answers
    ]
    wins, ties, losses = _counted(pairs)
    return FieldCompared(
        name=name,
        base=_mean([base for base, _ in pairs]),
        candidate=_mean([candidate for _, candidate in pairs]),
        wins=wins,
        ties=ties,
        losses=losses,
    )


def _counted(pairs: Sequence[tuple[float, float]]) -> tuple[int, int, int]:
    """Won, equal and lost by the second of each pair."""
    wins = sum(candidate - base > _TIE for base, candidate in pairs)
    losses = sum(base - candidate > _TIE for base, candidate in pairs)
    return wins, len(pairs) - wins - losses, losses


def _preference(answers: Sequence[tuple[Example, Proposal | None]]) -> float | None:
    nearer = [
        score(answer, example.chosen) > score(answer, example.rejected)
        for example, answer in answers
        if example.rejected is not None
    ]
    return fmean(nearer) if nearer else None


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0
