"""What became of a decision: the desk's gain or loss in its symbol once its horizon has passed."""

import math
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Self
from uuid import UUID

from osiris_contracts import Decision, Fill, ProposalOutcome, Trace
from osiris_desk.tick import Tick
from osiris_desk.values import Value, changed


class Pending(Value, frozen=True):
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
    decided_at: datetime
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
            return changed(self, bars=self.bars + 1)
        return changed(
            self,
            bars=self.bars + 1,
            cash=self.cash + math.fsum(_cash(fill) for fill in fills),
            fees=self.fees + math.fsum(fill.fee for fill in fills),
        )


class Observed(Value, frozen=True, dict=True):
    """A decision whose horizon has passed. Immutable.

    Attributes:
        pending: the decision, and what came of it.
        tick: the bar with which the horizon passed.
        quantity: units of its symbol held then.
    """

    pending: Pending
    tick: Tick
    quantity: float

    @cached_property
    def outcome(self) -> ProposalOutcome:
        """What was made of the decision by the close of the bar."""
        then, now = self.pending, self.tick
        pnl = then.cash + self.quantity * now.close - then.quantity * then.close
        return ProposalOutcome(
            transaction_id=then.transaction_id,
            symbol=then.symbol,
            decided_at=then.decided_at,
            observed_at=now.timestamp,
            horizon_bars=then.bars,
            entry_close=then.close,
            exit_close=now.close,
            pnl=pnl,
            fees=then.fees,
            return_pct=100 * pnl / then.nav if then.nav > 0 else 0.0,
        )

    @property
    def trace(self) -> Trace | None:
        """The outcome with its decision; None when that was not kept."""
        decision = self.pending.decision
        return Trace(decision=decision, outcome=self.outcome) if decision else None


def observe(
    pending: Sequence[Pending], tick: Tick, fills: Sequence[Fill], quantity: float, horizon: int
) -> tuple[tuple[Pending, ...], tuple[Observed, ...]]:
    """The decisions that still wait after `tick`, and those whose horizon it ends.

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
    observed: list[Observed] = []
    for each in pending:
        if each.symbol != tick.symbol:
            waiting.append(each)
        elif (later := each.after(fills)).bars < horizon:
            waiting.append(later)
        else:
            observed.append(Observed(later, tick, quantity))
    return tuple(waiting), tuple(observed)


def _cash(fill: Fill) -> float:
    paid = 0.0 if fill.side is None else math.copysign(fill.quantity * fill.price, 1 if fill.side == "BUY" else -1)
    return -paid - fill.fee
