"""Which corrections a prompt is answered with: rules that hold whatever was corrected."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from osiris_contracts import Feedback, Proposal
from osiris_phi3.corrections import Correction, correction_of, fitting, newest, ranked
from osiris_phi3.few_shot import arm_of

BEGAN = datetime(2024, 1, 2, tzinfo=UTC)
PROPOSAL: dict[str, Any] = {"ticker": "SPY", "action": "adjust", "side": "LONG", "confidence": 0.7, "rationale": "Up."}


def feedback(**changes: Any) -> Feedback:
    said: dict[str, Any] = {
        "transaction_id": UUID(int=1),
        "feedback_type": "correction",
        "feedback_content": "Stop too tight.",
        "corrected_proposal": PROPOSAL | {"new_stop_pct": 2.5},
        "feedback_id": UUID(int=2),
        "received_at": BEGAN,
        "prompt": "SPY close 512.4",
    }
    return Feedback.model_validate(said | changes)


corrections = st.builds(
    Correction,
    id=st.integers(0, 2**32).map(lambda number: UUID(int=number)),
    received_at=st.integers(0, 50).map(lambda minutes: BEGAN + timedelta(minutes=minutes)),
    prompt=st.tuples(st.sampled_from(["SPY up", "spy  UP", "OIL down", "XAU flat"]), st.integers(0, 9)).map(
        lambda words: f"{words[0]} {words[1]}.5"
    ),
    answer=st.just("{}"),
)
many = st.lists(corrections, max_size=30, unique_by=lambda each: each.id)


def test_a_correction_shows_phi3_the_answer_in_the_order_in_which_it_writes() -> None:
    correction = correction_of(feedback())
    assert correction is not None
    assert list(json.loads(correction.answer)) == [
        "ticker",
        "rationale",
        "action",
        "side",
        "new_stop_pct",
        "new_target_pct",
        "confidence",
    ]
    Proposal.model_validate_json(correction.answer)


def test_nothing_is_learnt_from_what_the_gate_would_refuse_or_what_is_about_nothing() -> None:
    assert correction_of(feedback(feedback_type="qualitative_comment")) is None
    assert correction_of(feedback(prompt=None)) is None
    assert correction_of(feedback(prompt="  ")) is None
    assert correction_of(feedback(corrected_proposal=PROPOSAL | {"new_stop_pct": 0})) is None
    assert correction_of(feedback(corrected_proposal=PROPOSAL | {"new_target_pct": 0})) is None


@given(many)
def test_of_near_duplicates_the_newest_stays(found: list[Correction]) -> None:
    kept = newest(found)
    assert len({each.shape for each in kept}) == len(kept)
    for each in found:
        assert max(other.age for other in kept if other.shape == each.shape) >= each.age
    assert kept == newest(reversed(found)) == newest(kept)


@given(many, st.integers(1, 5))
def test_the_oldest_is_forgotten_first(found: list[Correction], count: int) -> None:
    assert newest(found, count) == newest(found)[-count:]


@given(st.lists(st.tuples(corrections, st.integers(1, 400)), max_size=20), st.integers(1, 5), st.integers(0, 1000))
def test_no_more_is_shown_than_fits_and_always_in_the_order_of_age(
    ordered: list[tuple[Correction, int]], count: int, tokens: int
) -> None:
    lengths = {id(correction): length for correction, length in ordered}
    shown = fitting(ordered, count, tokens)
    assert len(shown) <= count
    assert sum(lengths[id(each)] for each in shown) <= tokens
    assert list(shown) == sorted(shown, key=lambda each: each.age)
    if len(shown) < min(count, len(ordered)):  # every one that was passed over is too long for what is left
        left = tokens - sum(lengths[id(each)] for each in shown)
        chosen = {id(each) for each in shown}
        assert all(length > left for each, length in ordered if id(each) not in chosen)


@given(many)
def test_equals_in_meaning_come_newest_first_whatever_order_they_came_in(found: list[Correction]) -> None:
    vector = np.array([1, 0], np.float32)
    known = [(each, vector) for each in found]
    order = ranked(vector, known)
    assert order == ranked(vector, known[::-1])
    assert [each.received_at for each in order] == sorted((each.received_at for each in found), reverse=True)


def test_the_nearest_in_meaning_comes_first() -> None:
    near = Correction(UUID(int=1), BEGAN, "near", "{}")
    newer = Correction(UUID(int=2), BEGAN + timedelta(hours=1), "newer", "{}")
    known = [(newer, np.array([0, 1], np.float32)), (near, np.array([1, 0], np.float32))]
    assert ranked(np.array([1, 0], np.float32), known) == [near, newer]


def test_the_arm_follows_from_the_message_id_half_and_half() -> None:
    arms = [arm_of("ab", f"message-{number}") for number in range(400)]
    assert arms == [arm_of("ab", f"message-{number}") for number in range(400)]
    assert 160 < arms.count("on") < 240
    assert {arm_of("on", "x"), arm_of("off", "x")} == {"on", "off"}
