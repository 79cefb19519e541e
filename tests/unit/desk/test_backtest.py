"""The desk over bars of the past."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.policies import variant
from tests.unit.desk.bars import HOUR, bars_of, walk

from osiris_contracts import ErrorReply, GenerateRequest, GenerateResult, Proposal, Usage
from osiris_desk.backtest import Result, backtest
from osiris_desk.backtest.control import shuffled
from osiris_desk.backtest.trades import trades_of
from osiris_desk.backtest.walking import windows
from osiris_desk.market.bars import Bars
from osiris_desk.policy.loading import load
from osiris_desk.policy.shipped import ADVISED, TREND, shipped
from osiris_desk.rules import Rules
from osiris_desk.venue.terms import Terms

EAGER = load(variant("ENTRY = 1.0", "ENTRY = 0.2"), "0" * 16)
"""Trades often."""


class Coin:
    """Answers the same question alike, and knows nothing."""

    def phi3(self, request: GenerateRequest) -> GenerateResult | ErrorReply:
        side = "LONG" if hash(request.prompt) % 2 else "SHORT"
        proposal = Proposal(ticker=request.ticker or "X", action="adjust", side=side, confidence=0.5, rationale="coin")
        return answer("phi3", proposal.model_dump_json(), proposal)

    def hermes(self, request: GenerateRequest) -> GenerateResult | ErrorReply | None:
        return answer("hermes", "Score: 7/10")


def answer(model: str, text: str, proposal: Proposal | None = None) -> GenerateResult:
    usage = Usage(prompt_tokens=1, completion_tokens=1)
    facts = {"model_id": model, "model_version": "v1", "text": text, "proposal": proposal, "usage": usage}
    return GenerateResult.model_validate({**facts, "finish_reason": "stop"})


def test_a_policy_that_waits_keeps_its_cash() -> None:
    result = backtest(shipped(TREND), {"SPY": bars_of([100.0] * 30)})
    assert result.equity.tolist() == [100_000.0] * 30
    assert (result.fills, result.exposure.max(), len(result.decisions)) == ((), 0.0, 6)
    assert result.returns.tolist() == [0.0] * 30


def test_an_order_fills_at_the_open_of_the_bar_after_its_decision() -> None:
    bars = bars_of([100 + number for number in range(60)])
    result = backtest(shipped(TREND), {"SPY": bars}, terms=Terms(commission_rate=0, slippage_impact=0))
    decision = next(each for each in result.decisions if each.order)
    fill = result.fills[0]
    assert fill.order_id == decision.order.order_id
    row = int(np.flatnonzero(bars.close == decision.bars.close)[0])
    assert fill.price == bars.open[row + 1]
    assert fill.timestamp.timestamp() * 1e6 == bars.time[row + 1]


def test_fees_and_slippage_are_on_by_default() -> None:
    bars = {"SPY": bars_of([100 + number for number in range(60)])}
    free = backtest(shipped(TREND), bars, terms=Terms(commission_rate=0, slippage_impact=0))
    paid = backtest(shipped(TREND), bars)
    assert paid.fills[0].price > free.fills[0].price
    assert paid.fills[0].fee == pytest.approx(paid.fills[0].quantity * paid.fills[0].price * 0.001)
    assert paid.equity[-1] < free.equity[-1]


def test_equal_arguments_give_equal_bytes() -> None:
    bars = {"SPY": walk(1, 300)}
    first, second = (backtest(EAGER, bars) for _ in range(2))
    assert [each.model_dump_json() for each in first.decisions] == [each.model_dump_json() for each in second.decisions]
    assert first.equity.tobytes() == second.equity.tobytes()


def test_symbols_share_one_book_and_each_has_its_venue() -> None:
    one, other = walk(1, 300), walk(2, 300)
    later = Bars(other.time + HOUR // 2, *(getattr(other, name) for name in ("open", "high", "low", "close", "volume")))
    result = backtest(EAGER, {"SPY": one, "QQQ": later})
    assert Counter(each.symbol for each in result.decisions) == {"SPY": 60, "QQQ": 60}
    assert {each.symbol for each in result.fills} == {"SPY", "QQQ"}
    assert len(result.time) == len(result.equity) == 600
    assert [each.sequence for each in result.decisions] == list(range(1, 121))
    same_times = backtest(EAGER, {"SPY": one, "QQQ": other})
    assert len(same_times.time) == 300


def test_models_answer_and_without_them_runs_fail() -> None:
    bars = {"SPY": walk(1, 100)}
    asked = backtest(shipped(ADVISED), bars, models=Coin())
    assert {each.status for each in asked.decisions} == {"accepted"}
    assert all(each.critique for each in asked.decisions)
    alone = backtest(shipped(ADVISED), bars)
    assert {each.status for each in alone.decisions} == {"failed"}
    assert "this backtest has none" in str(alone.decisions[0].error)


# --- the ledger


def money(result: Result, bars: dict[str, Bars]) -> float:
    """What the fills alone leave: cash, and positions at the last close."""
    cash, held = result.starting_cash, dict.fromkeys(bars, 0.0)
    for fill in result.fills:
        change = 0.0 if fill.side is None else math.copysign(fill.quantity, 1 if fill.side == "BUY" else -1)
        held[fill.symbol] += change
        cash -= change * fill.price + fill.fee
    return cash + sum(held[symbol] * part.close[-1] for symbol, part in bars.items())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0005, 0.05), st.floats(0, 0.01), st.floats(0, 1), st.floats(0.1, 100))
def test_no_money_is_made_or_lost_but_by_prices_and_fees(
    seed: int, volatility: float, commission: float, slippage: float, position: float
) -> None:
    bars = {"SPY": walk(seed, 120, volatility), "QQQ": walk(seed + 1, 90, volatility)}
    rules = Rules(max_position_size_pct=position, max_daily_loss_pct=100)
    result = backtest(EAGER, bars, rules, Terms(commission, slippage))
    assert result.equity[-1] == pytest.approx(money(result, bars), rel=1e-9)
    assert np.isfinite(result.equity).all()
    book = result.decisions[-1].book
    assert book.fees == pytest.approx(
        math.fsum(each.fee for each in result.fills if each.timestamp <= result.decisions[-1].bars.last)
        , rel=1e-9, abs=1e-9
    )  # fmt: skip
    closed = trades_of(result.fills)
    assert math.fsum(each.fees for each in closed) <= math.fsum(each.fee for each in result.fills) + 1e-9


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_what_the_trades_earned_is_what_the_book_realised(seed: int) -> None:
    result = backtest(EAGER, {"SPY": walk(seed, 200)})
    last = result.decisions[-1]
    if last.book.position.quantity == 0:
        known = [each for each in result.fills if each.timestamp <= last.bars.last]
        assert math.fsum(each.pnl for each in trades_of(known)) == pytest.approx(last.book.realised_pnl, abs=1e-6)


# --- control and windows


def test_a_shuffle_keeps_the_moves_and_loses_their_order() -> None:
    bars = walk(3, 500)
    mixed = shuffled(bars, seed=1)
    assert mixed.time.tolist() == bars.time.tolist()
    assert np.sort(np.diff(np.log(mixed.close))) == pytest.approx(np.sort(np.diff(np.log(bars.close))))
    assert mixed.close[-1] == pytest.approx(bars.close[-1])
    assert (mixed.high >= np.maximum(mixed.open, mixed.close) * 0.9999).all()
    assert (mixed.low <= np.minimum(mixed.open, mixed.close) * 1.0001).all()
    assert sorted(mixed.volume) == sorted(bars.volume)
    assert shuffled(bars, seed=1).close.tobytes() == mixed.close.tobytes()
    assert shuffled(bars, seed=2).close.tobytes() != mixed.close.tobytes()


def test_a_walk_forward_goes_step_by_step_over_whole_windows() -> None:
    parts = [part["SPY"] for part in windows({"SPY": walk(1, 100)}, window=40, step=25)]
    assert [len(part) for part in parts] == [40, 40, 40]
    assert [int(part.time[0] - parts[0].time[0]) // HOUR for part in parts] == [0, 25, 50]
    with pytest.raises(ValueError, match="expected at least 101 bars, a window, there are 100"):
        list(windows({"SPY": walk(1, 100)}, window=101, step=1))
