"""What became of a decision: the desk's gain or loss in its symbol once its horizon has passed."""

import math
from collections.abc import Sequence
from typing import Self
from uuid import UUID

from osiris_contracts import Contract, Decision, Fill, MarketTick, ProposalOutcome, UtcTime
from osiris_desk.changing import changed


class Pending(Contract):
    """A decision whose horizon has not passed yet. Immutable.

    Attributes:
        transaction_id: the decision's run.
        symbol: the instrument.
        decided_at: timestamp of the last bar it looked at.
        close: of that bar, quote currency.
        quantity: units held then; negative when short.
        nav: net asset value then, quote currency.
        bars: of the symbol since then.
        cash: what fills since then brought in, less what they cost and their fees, quote currency.
        fees: commissions of these fills, quote currency.
        decision: itself; None in a state that was saved before it was kept.
    """

    transaction_id: UUID
    symbol: str
    decided_at: UtcTime
    close: float
    quantity: float
    nav: float
    bars: int = 0
    cash: float = 0.0
    fees: float = 0.0
    decision: Decision | None = None

    @classmethod
    def of(cls, decision: Decision) -> Self | None:
        """What is to be observed of `decision`; None when the desk did not act on its proposal."""
        if decision.status not in ("accepted", "passed"):
            return None
        return cls(
            transaction_id=decision.run_id,
            symbol=decision.symbol,
            decided_at=decision.bars.last,
            close=decision.bars.close,
            quantity=decision.book.position.quantity,
            nav=decision.book.nav,
            decision=decision,
        )

    def after(self, fills: Sequence[Fill]) -> Self:
        """One bar and the `fills` booked with it later."""
        if not fills:
            return changed(self, {"bars": self.bars + 1})
        return changed(
            self,
            {
                "bars": self.bars + 1,
                "cash": self.cash + math.fsum(_cash(fill) for fill in fills),
                "fees": self.fees + math.fsum(fill.fee for fill in fills),
            },
        )

    def outcome(self, tick: MarketTick, quantity: float) -> ProposalOutcome:
        """What was made of it by the close of `tick`, when `quantity` units are held."""
        pnl = self.cash + quantity * tick.close - self.quantity * self.close
        return ProposalOutcome(
            transaction_id=self.transaction_id,
            symbol=self.symbol,
            decided_at=self.decided_at,
            observed_at=tick.timestamp,
            horizon_bars=self.bars,
            entry_close=self.close,
            exit_close=tick.close,
            pnl=pnl,
            fees=self.fees,
            return_pct=100 * pnl / self.nav if self.nav > 0 else 0.0,
        )


def observe(
    pending: Sequence[Pending], tick: MarketTick, fills: Sequence[Fill], quantity: float, horizon: int
) -> tuple[tuple[Pending, ...], tuple[ProposalOutcome, ...]]:
    """The decisions that still wait after `tick`, and the outcomes of those whose horizon it ends.

    Args:
        pending: decisions of every symbol, oldest first.
        tick: the bar that was booked.
        fills: of its symbol, booked with it.
        quantity: units of its symbol held then.
        horizon: bars.
    """
    if not pending:
        return (), ()
    waiting: list[Pending] = []
    observed: list[ProposalOutcome] = []
    for each in pending:
        if each.symbol != tick.symbol:
            waiting.append(each)
        elif (later := each.after(fills)).bars < horizon:
            waiting.append(later)
        else:
            observed.append(later.outcome(tick, quantity))
    return tuple(waiting), tuple(observed)


def _cash(fill: Fill) -> float:
    paid = 0.0 if fill.side is None else math.copysign(fill.quantity * fill.price, 1 if fill.side == "BUY" else -1)
    return -paid - fill.fee
