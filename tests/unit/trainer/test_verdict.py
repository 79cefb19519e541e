"""The gate's arithmetic: what is accepted, what is refused, and why."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_contracts import Proposal
from osiris_trainer.night.examples import Example
from osiris_trainer.night.judging import Compared, Cost, Criteria, Verdict, decide
from osiris_trainer.night.judging.agreement import agreement, score
from osiris_trainer.night.judging.verdict import Bounds

RIGHT = Proposal(
    ticker="SPY", action="adjust", side="LONG", new_stop_pct=2.5, new_target_pct=5, confidence=0.7, rationale="Up."
)
TIGHT = RIGHT.model_copy(update={"new_stop_pct": 0.5, "new_target_pct": 1.0})
SAME = Cost(
    time_ratio=Bounds(estimate=1.0, low=0.98, high=1.02),
    rounds=12,
    base_seconds=0.3,
    candidate_seconds=0.3,
    base_bytes=300,
    candidate_bytes=300,
)

proposals = st.none() | st.builds(
    Proposal,
    ticker=st.sampled_from(["SPY", "OIL"]),
    action=st.just("adjust"),
    side=st.sampled_from(["LONG", "SHORT"]),
    new_stop_pct=st.none() | st.floats(0, 100),
    new_target_pct=st.none() | st.floats(0, 100),
    confidence=st.floats(0, 1),
    rationale=st.just("x"),
)


def compared(base: Proposal | None, candidate: Proposal | None, chosen: Proposal = RIGHT) -> Compared:
    example = Example(
        feedback_id=UUID(int=1),
        transaction_id=UUID(int=1),
        ticker="SPY",
        at=datetime(2024, 1, 2, tzinfo=UTC),
        prompt="SPY rose.",
        chosen=chosen,
        rejected=TIGHT,
    )
    return Compared(example, base, candidate)


def verdict(held_out: list[Compared], regression: list[Compared] | None = None, **changes: Any) -> Verdict:
    return decide(
        base="v1",
        candidate="v2",
        held_out=held_out,
        regression=regression or [],
        cost=SAME.model_copy(update=changes),
        criteria=Criteria(),
    )


def test_a_candidate_that_learnt_is_accepted_with_every_number() -> None:
    found = verdict([compared(TIGHT, RIGHT)] * 10, [compared(TIGHT, TIGHT)] * 5)
    assert (found.accepted, found.reasons) == (True, ())
    assert (found.held_out.wins, found.held_out.losses, round(found.win_rate.low, 2)) == (10, 0, 0.72)
    stop = next(each for each in found.fields if each.name == "new_stop_pct")
    assert (stop.base, stop.candidate, stop.wins) == (0.2, 1.0, 10)
    assert (found.held_out.preference_base, found.held_out.preference_candidate) == (0, 1)
    assert Verdict.model_validate_json(found.model_dump_json()) == found


def test_what_was_not_shown_is_refused() -> None:
    for held_out in ([], [compared(TIGHT, TIGHT)] * 20, [compared(TIGHT, RIGHT), compared(RIGHT, TIGHT)] * 10):
        assert "win rate" in verdict(held_out).reasons[0]


def test_a_single_invalid_answer_refuses() -> None:
    found = verdict([compared(TIGHT, RIGHT)] * 20, [compared(TIGHT, None)])
    assert found.reasons[0] == "expected valid proposals only, 1 of 21 were not"


def test_a_field_that_gets_worse_refuses_though_the_others_got_better() -> None:
    turned = RIGHT.model_copy(update={"side": "SHORT"})
    far = TIGHT.model_copy(update={"new_stop_pct": 0.01, "new_target_pct": 0.01, "confidence": 0.0})
    assert score(turned, RIGHT) > score(far, RIGHT)
    found = verdict([compared(far, turned)] * 10)
    assert found.reasons == ("expected no field to get worse beyond chance, side won 0 and lost 10",)


def test_the_regression_set_may_lose_no_more_than_its_margin() -> None:
    won = [compared(TIGHT, RIGHT)] * 10
    assert "regression" in verdict(won, [compared(RIGHT, TIGHT)] * 3).reasons[0]
    a_little = RIGHT.model_copy(update={"confidence": 0.6})
    assert verdict(won, [compared(RIGHT, a_little)] * 3).accepted


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"time_ratio": Bounds(estimate=1.2, low=1.1, high=1.3)}, "1.05 times the time"),
        ({"candidate_bytes": 320}, "1.05 times the memory"),
    ],
)
def test_a_candidate_that_costs_more_is_refused(changes: dict[str, Any], reason: str) -> None:
    assert reason in verdict([compared(TIGHT, RIGHT)] * 10, **changes).reasons[0]


def test_a_busy_machine_alone_refuses_nobody() -> None:
    noisy = Bounds(estimate=1.1, low=0.8, high=1.5)
    assert verdict([compared(TIGHT, RIGHT)] * 10, time_ratio=noisy).accepted


@given(st.lists(st.tuples(proposals, proposals), max_size=20))
def test_a_verdict_and_its_mirror_are_never_both_accepted(pairs: list[tuple[Proposal | None, Proposal | None]]) -> None:
    forth, back = verdict([compared(*each) for each in pairs]), verdict([compared(b, a) for a, b in pairs])
    assert not (forth.accepted and back.accepted)
    assert forth.accepted == (not forth.reasons)
    assert (forth.held_out.wins, forth.held_out.losses) == (back.held_out.losses, back.held_out.wins)


@given(proposals, proposals)
def test_agreement_is_a_share_and_whole_with_itself(one: Proposal | None, other: Proposal | None) -> None:
    if other is None:
        return
    assert all(0 <= each <= 1 for each in agreement(one, other).values())
    assert score(other, other) == 1
