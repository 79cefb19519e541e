"""What else is seen of the market and the account; it is told, and decides nothing."""

from statistics import fmean

from osiris_azr_planner.analysis.indicators import atr, ema
from osiris_azr_planner.analysis.kelly import kelly_of_returns
from osiris_azr_planner.trade.risk import PERIODS_A_YEAR, POINTS, returns, volatility
from osiris_azr_planner.trade.sizing import LEVERAGE
from osiris_contracts import Signals, TradeQuestion

_PERIOD = 14


def signals(question: TradeQuestion) -> Signals:
    """As of the last bar."""
    recent = question.equity_curve[-POINTS:]
    mean = fmean(question.volume) if question.volume else 0.0
    return Signals(
        ema=ema([bar.close for bar in question.bars], _PERIOD)[-1],
        atr=atr(question.bars, _PERIOD)[-1],
        relative_volume=question.volume[-1] / mean if mean > 0 else None,
        kelly_fraction=kelly_of_returns(
            fmean(returns(recent)) * PERIODS_A_YEAR, volatility(recent), question.risk_free_rate, most=LEVERAGE
        ),
    )
