"""What the language accepts and refuses."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from osiris_contracts import (
    Control,
    FeedbackSubmission,
    MarketTick,
    Order,
    Proposal,
    critique_request,
    parse_score,
    price_text,
)

PASS: dict[str, Any] = {"ticker": "SPY", "action": "pass", "confidence": 0.5, "rationale": "Flat."}
ADJUST = PASS | {"action": "adjust", "side": "LONG", "new_stop_pct": 2, "new_target_pct": 4.5}


@pytest.mark.parametrize(
    "fields", [PASS, ADJUST, PASS | {"action": "abort"}, ADJUST | {"side": "SHORT", "new_stop_pct": None}]
)
def test_proposals_that_are_accepted(fields: dict[str, Any]) -> None:
    proposal = Proposal.model_validate(fields)
    assert Proposal.model_validate_json(proposal.model_dump_json()) == proposal


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ticker": "spy"}, "ticker"),
        ({"ticker": "A" * 13}, "ticker"),
        ({"ticker": "SPY\n"}, "ticker"),
        ({"action": "hold"}, "action"),
        ({"side": None}, "side"),
        ({"action": "pass"}, "side"),
        ({"new_stop_pct": -1}, "new_stop_pct"),
        ({"new_target_pct": 100.1}, "new_target_pct"),
        ({"confidence": 1.01}, "confidence"),
        ({"confidence": float("nan")}, "confidence"),
        ({"new_stop_pct": float("inf")}, "new_stop_pct"),
        ({"rationale": ""}, "rationale"),
        ({"rationale": "x" * 241}, "rationale"),
        ({"quantity": 5}, "quantity"),
    ],
)
def test_proposals_that_are_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        Proposal.model_validate(ADJUST | change)


def test_messages_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Proposal.model_validate(PASS).confidence = 1.0  # type: ignore[misc]


def test_a_time_without_an_offset_is_utc() -> None:
    bar = {"symbol": "SPY", "open": 1, "high": 2, "low": 1, "close": 1, "volume": 0}
    expected = datetime(2024, 1, 2, 9, 30, tzinfo=UTC)
    for text in ("2024-01-02T09:30:00", "2024-01-02T09:30:00Z", "2024-01-02T10:30:00+01:00"):
        assert MarketTick.model_validate({**bar, "timestamp": text}).timestamp == expected
    with pytest.raises(ValidationError, match="expected high >= low"):
        MarketTick.model_validate({**bar, "timestamp": "2024-01-02T09:30:00", "high": 0.5})


def test_an_order_has_side_and_quantity_or_neither() -> None:
    Order(order_id=UUID(int=1), symbol="SPY", stop_price=9.0)
    with pytest.raises(ValidationError, match="together"):
        Order(order_id=UUID(int=1), symbol="SPY", side="BUY")


def test_a_correction_corrects_and_a_cancel_names_its_request() -> None:
    with pytest.raises(ValidationError, match="corrected_proposal"):
        FeedbackSubmission(transaction_id=UUID(int=1), feedback_type="correction", feedback_content="no")
    with pytest.raises(ValidationError, match="request_id"):
        Control(command="cancel")


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("Fine.\nScore: 7/10", 7),
        ("**Score:** 8.5 out of 10", 8.5),
        ("score - 0/10", 0),
        ("Score: 3/10 at first, but Score: 6/10 on reflection", 6),
        ("Score: 100", None),
        ("Score: 11/10", None),
        ("I scored it 7", None),
        ("No number at all", None),
        ("Score: seven", None),
    ],
)
def test_a_score_is_read_and_never_invented(text: str, score: float | None) -> None:
    assert parse_score(text) == score


@given(st.text(max_size=300))
def test_a_score_is_always_in_range(text: str) -> None:
    score = parse_score(text)
    assert score is None or 0 <= score <= 10


def test_a_critique_is_asked_for_with_the_terms_and_two_examples() -> None:
    request = critique_request("SPY close 470", Proposal.model_validate(ADJUST), max_length=64, seed=3)
    assert "SPY close 470" in request.prompt
    assert '"new_stop_pct":2.0' in request.prompt
    assert [parse_score(each.answer) for each in request.examples] == [7, 2]
    assert (request.max_length, request.seed) == (64, 3)


@pytest.mark.parametrize(
    ("price", "text"),
    [(1.051234, "1.05123"), (100, "100"), (1.234e-05, "0.00001234"), (45_123.456, "45123.5"), (2e7, "20000000")],
)
def test_a_price_has_six_digits_and_no_exponent(price: float, text: str) -> None:
    assert price_text(price) == text
