"""What a policy answers, and what the desk makes of it."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.policies import variant
from tests.unit.desk.bars import bar, bars_of

from osiris_contracts import Decision, price_text
from osiris_desk.backtest import backtest
from osiris_desk.desk import CANARY_RUNS, Desk
from osiris_desk.policy import Limits
from osiris_desk.policy.loading import load
from osiris_desk.policy.shipped import ADVISED, TREND, shipped
from osiris_desk.policy.shipped.advised import policy as advised
from osiris_desk.rules import Rules
from osiris_desk.state import State

ALWAYS = variant(
    "    if features.quantity != 0:\n        return None\n    if strength(features) > ENTRY:", "    if True:"
)
"""Goes long at every run."""
_ASKS_NOBODY = "return None\n\n\ndef strength"


def decide(code: bytes, **rules: Any) -> Decision:
    """The first decision of a policy on five bars."""
    policy = load(code, "0" * 16)
    desk = Desk(State.fresh(given := Rules(**rules), policy.version), given, policy)
    for number in range(5):
        due = desk.on_tick(bar(number, 100 + number))
    assert due is not None and due.request is None
    decision = desk.decide_on(None)
    assert isinstance(decision, Decision)
    return decision


def test_a_policy_that_asks_nobody_decides_at_once() -> None:
    decision = decide(ALWAYS)
    assert (decision.status, decision.phi3_version, decision.critique) == ("accepted", None, None)
    assert decision.policy_version == "0" * 16
    assert decision.proposal is not None and decision.order is not None
    assert (decision.proposal.side, decision.proposal.confidence) == ("LONG", 0.5)
    assert decision.proposal.rationale == "The policy decided alone."
    assert decision.order.quantity == 4.8076  # half of what stays below 1 % of 100,000 at 104


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ("return SIZE", "return SIZE / 0", "policy: ZeroDivisionError: float division by zero"),
        ("return SIZE", 'return float("nan")', "policy: confidence: Input should be a finite number"),
        ("return SIZE", "return 1.5", "policy: confidence: Input should be less than or equal to 1"),
        ("return SIZE", "return None", "policy: confidence: Input should be a valid number"),
        ("return SIZE", "raise SystemExit", "policy: SystemExit: "),
        ('return "LONG"', 'return "UP"', "policy: side: Input should be 'LONG' or 'SHORT'"),
        (
            "return _moves(features, STOP)",
            "return -1",
            "policy: new_stop_pct: Input should be greater than or equal to 0",
        ),
        ("return None\n\n\ndef strength", "return 7\n\n\ndef strength", "policy: TypeError: expected a text or None"),
        (
            "return None\n\n\ndef strength",
            "return ' '\n\n\ndef strength",
            "policy: prompt: String should match pattern",
        ),
    ],
)
def test_what_a_policy_gets_wrong_is_a_failed_run(before: str, after: str, error: str) -> None:
    assert before in ALWAYS.decode()
    policy = load(ALWAYS.decode().replace(before, after, 1).encode(), "0" * 16)
    result = backtest(policy, {"SPY": bars_of(range(100, 106))})
    (decision,) = result.decisions
    assert (decision.status, decision.order) == ("failed", None)
    assert decision.error is not None and decision.error.startswith(error)


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.01, 100))
def test_a_policy_is_stricter_than_its_owner_or_as_strict(
    position: float, loss: float, its_position: float, its_loss: float
) -> None:
    rules = Rules(max_position_size_pct=position, max_daily_loss_pct=loss)
    within = rules.within(Limits(its_position, its_loss))
    assert within.max_position_size_pct == min(position, its_position)
    assert within.max_daily_loss_pct == min(loss, its_loss)
    assert dataclasses.replace(within, max_position_size_pct=position, max_daily_loss_pct=loss) == rules


def test_a_policys_own_limit_holds() -> None:
    strict = ALWAYS.replace(b"GATE = Limits()", b"GATE = Limits(max_position_size_pct=0.1)")
    assert decide(strict).order.quantity == decide(ALWAYS, max_position_size_pct=0.1).order.quantity == 0.4807
    lax = ALWAYS.replace(b"GATE = Limits()", b"GATE = Limits(max_position_size_pct=100)")
    assert decide(lax) == decide(ALWAYS)


def test_a_canary_decides_some_of_the_runs_always_the_same() -> None:
    current, canary = shipped(TREND), load(variant("ENTRY = 1.0", "ENTRY = 0.9"), "0" * 16)

    def versions() -> list[str]:
        desk = Desk(State.fresh(rules := Rules(), current.version), rules, current, canary)
        found = []
        for number in range(1000):
            if desk.on_tick(bar(number, 100 + number % 7)):
                decision = desk.decide_on(None)
                assert isinstance(decision, Decision)
                found.append(decision.policy_version)
        return found

    found = versions()
    assert found == versions()
    assert set(found) == {current.version, canary.version}
    assert found.count(canary.version) == pytest.approx(len(found) / CANARY_RUNS, abs=12)


def test_another_policy_decides_from_the_next_run_on() -> None:
    desk = Desk(State.fresh(rules := Rules(), "1"), rules, shipped(ADVISED))
    for number in range(5):
        due = desk.on_tick(bar(number, 100))
    assert due is not None and due.request is not None
    desk.use(shipped(TREND))
    decision = desk.decide_on(None)
    assert isinstance(decision, Decision)
    assert decision.policy_version == shipped(TREND).version


def test_the_advised_policy_changes_nothing_of_what_phi3_proposes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices as in all that people and models are told."""
    for price in (1.0, 1.23456789, 123456789.0, 0.000012345678):
        assert advised._price(price) == price_text(price)


@pytest.mark.parametrize(("step", "side"), [(1, "BUY"), (-1, "SELL")])
def test_the_trend_is_followed(step: int, side: str) -> None:
    result = backtest(shipped(TREND), {"SPY": bars_of([100 + step * number for number in range(60)])})
    orders = [each.order for each in result.decisions if each.order]
    assert orders[0].side == side
