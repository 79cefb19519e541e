"""What counts as accepted, and when one version is worse than another."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_contracts import Feedback, GateVerdict, Proposal, ProposalCreated
from osiris_phi3.acceptance import Acceptance, Tally, gap

NOW = datetime(2024, 1, 2, tzinfo=UTC)
PROPOSAL = Proposal(ticker="SPY", action="pass", confidence=0.5, rationale="Nothing to do.")


def created(number: int, version: str = "v1", *, accepted: bool | None = None) -> ProposalCreated:
    return ProposalCreated(
        transaction_id=UUID(int=number),
        created_at=NOW,
        origin="gateway" if accepted is None else "orchestrator",
        prompt="SPY?",
        proposal=PROPOSAL,
        model_version=version,
        verdict=None if accepted is None else GateVerdict(accepted=accepted),
    )


def said(number: int, content: float | None = None) -> Feedback:
    return Feedback(
        transaction_id=UUID(int=number),
        feedback_id=UUID(int=number),
        received_at=NOW,
        feedback_type="correction" if content is None else "rating",
        feedback_content="no" if content is None else content,
        corrected_proposal=PROPOSAL if content is None else None,
    )


def test_refused_corrected_and_disliked_proposals_are_not_accepted() -> None:
    acceptance = Acceptance()
    for event in (created(1), created(2, accepted=True), created(3, accepted=False), created(4), created(5)):
        acceptance.proposed(event)
    acceptance.said(said(4))
    acceptance.said(said(5, -0.5))
    acceptance.said(said(9))  # of a proposal nobody knows
    assert acceptance.of("v1") == Tally(answers=5, accepted=2)
    acceptance.said(said(5, 1))  # the last word counts
    assert acceptance.of("v1") == Tally(answers=5, accepted=3)
    assert acceptance.of("v2") == Tally(answers=0, accepted=0)


@given(st.permutations(range(6)))
def test_order_and_repetition_change_nothing(order: list[int]) -> None:
    events = [created(1), created(2), created(3, accepted=False), said(1), said(3, 1), said(2)]
    acceptance = Acceptance()
    for number in (*order, *order):
        event = events[number]
        if isinstance(event, ProposalCreated):
            acceptance.proposed(event)
        else:
            acceptance.said(event)
    assert acceptance.of("v1") == Tally(answers=3, accepted=0)


def test_a_version_is_worse_when_it_is_beyond_chance() -> None:
    worse = gap(Tally(20, 4), Tally(40, 36))
    assert worse is not None
    assert worse.high < 0
    as_good = gap(Tally(20, 16), Tally(40, 36))
    assert as_good is not None
    assert as_good.high > 0
    assert gap(Tally(9, 0), Tally(40, 40)) is None
    assert gap(Tally(20, 10), Tally(0, 0)) is None


@pytest.mark.parametrize("answers", [10, 100])
def test_a_version_as_good_as_the_one_before_is_never_worse(answers: int) -> None:
    for accepted in range(answers + 1):
        found = gap(Tally(answers, accepted), Tally(answers, accepted))
        assert found is not None
        assert found.high >= 0
