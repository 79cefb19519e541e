"""The desk: one bar at a time, one run at a time. Holds no clock and does no I/O; its shell does.

    for each bar:
        while desk.awaiting(bar):            # the venue's reports that this bar depends on
            desk.on_execution(next report)
        desk.on_tick(bar)
        ...send desk.outcomes and desk.traces...
        while run := desk.due():
            step = desk.decide_on(answer of phi3 to run.request, None when there is none)
            decision = step if isinstance(step, Decision) else desk.conclude(answer of hermes to step.request)
            ...send decision.order...
        ...save desk.state.to_json()...

It can be saved and restored between any two calls; a run that was under way then begins again, with the same ids.
"""

import math
from datetime import datetime
from typing import Literal
from uuid import UUID

from osiris_contracts import (
    Critique,
    Decision,
    DeskOrder,
    ErrorReply,
    Fill,
    GateVerdict,
    GenerateRequest,
    GenerateResult,
    Order,
    OrderRejection,
    Proposal,
    ProposalOutcome,
    Trace,
    critique_request,
    parse_score,
)
from osiris_desk.book import Book
from osiris_desk.gate import ORDERS_STOPPED, judge, reduces
from osiris_desk.orders import order_for
from osiris_desk.outcomes import Observed, Pending, observe
from osiris_desk.policy.asking import PolicyFailed, ask_prompt, ask_situation, decide
from osiris_desk.policy.features import features_of
from osiris_desk.policy.loading import LoadedPolicy
from osiris_desk.rules import Rules
from osiris_desk.run_id import run_id, sampling_seed
from osiris_desk.sizing import target_quantity
from osiris_desk.state import REMEMBERED, State
from osiris_desk.steps import CritiqueRequest, RunRequest
from osiris_desk.tick import Tick
from osiris_desk.values import Value, changed
from osiris_desk.window import Window, bar_range

CRITIQUE_TOKENS = 192
CANARY_RUNS = 10
LEAST_PRICE, MOST_PRICE = 1e-12, 1e12
"""Quote currency. Ratios and logarithms of prices between them are finite."""
MOST_UNITS = 1e100
"""Of a fill, and of its fee in quote currency: what it makes of NAV is finite."""


class TickRefused(ValueError):
    """A bar that cannot be used; the desk is as it was before."""


class ReportRefused(ValueError):
    """A fill that cannot be used; the desk is as it was before."""


_EMPTY = Window()
_PRICES = f"from {LEAST_PRICE:g} to {MOST_PRICE:g}"


class _Judged(Value, frozen=True):
    """A proposal between the gate and the critic."""

    run: RunRequest
    proposal: Proposal
    phi3_version: str | None
    verdict: GateVerdict
    order: Order | None
    towards_zero: bool

    @property
    def reduces(self) -> bool:
        return self.order is not None and self.order.side is not None and self.towards_zero


class Desk:
    """Turns bars and executions into decisions.

    Args:
        state: where to go on; `State.fresh(rules, policy.version)` for a new book.
        rules: the owner's.
        policy: what decides within them.
        canary: a policy that decides one run in CANARY_RUNS instead; None for none.
    """

    def __init__(self, state: State, rules: Rules, policy: LoadedPolicy, canary: LoadedPolicy | None = None) -> None:
        self.state = state
        self.rules = rules
        self.policy = policy
        self.canary = canary
        self._observed: tuple[Observed, ...] = ()
        self._due: tuple[Window, RunRequest] | None = None
        self._judged: _Judged | None = None

    @property
    def outcomes(self) -> tuple[ProposalOutcome, ...]:
        """Of earlier decisions, as the last bar that was taken made them known."""
        return tuple(each.outcome for each in self._observed)

    @property
    def traces(self) -> tuple[Trace, ...]:
        """The outcomes with their decisions."""
        return tuple(trace for each in self._observed if (trace := each.trace))

    def use(self, policy: LoadedPolicy, canary: LoadedPolicy | None = None) -> None:
        """Let another policy decide from the next run on, one that is due included."""
        self.policy, self.canary = policy, canary
        self._due = self._judged = None

    def obey(self, command: DeskOrder) -> None:
        """Do as the owner says. A run under way is held to a stop too: nothing is sent that adds exposure."""
        match command:
            case "pause" | "resume":
                self.state = changed(self.state, paused=command == "pause")
            case "stop" | "allow":
                self.state = changed(self.state, orders_stopped=command == "stop")

    def awaiting(self, tick: Tick) -> set[UUID]:
        """The orders sent before `tick` of which nothing was heard: their reports must come before it is handled.

        A venue publishes what happened in a bar before the bar itself, and answers an order together with all that
        came of it so far. So once these are reported, and what was published is read, a replay decides alike.
        """
        if _is_stale(tick, self._window(tick.symbol)):
            return set()
        _, open_orders, _ = self._settled(tick)
        return {
            order.order_id
            for order in open_orders.values()
            if order.symbol == tick.symbol and (order.as_of is None or order.as_of < tick.timestamp)
        }

    def on_execution(self, execution: Fill | OrderRejection) -> bool:
        """Take a report of the venue. A fill is booked with the first bar of its symbol that is not before it.

        Returns:
            False for a report that came before, or a rejection of an order that is not open.

        Raises:
            ReportRefused: it would make NAV overflow.
        """
        if isinstance(execution, OrderRejection):
            left = {key: order for key, order in self.state.open_orders.items() if key != execution.order_id}
            known = len(left) < len(self.state.open_orders)
            self.state = changed(self.state, open_orders=left)
            return known
        if max(execution.quantity, execution.fee) > MOST_UNITS or not LEAST_PRICE <= execution.price <= MOST_PRICE:
            raise ReportRefused(
                f"expected a fill of at most {MOST_UNITS:g} units at {_PRICES}, "
                f"was {execution.quantity:g} at {execution.price:g}, fee {execution.fee:g}"
            )
        key = f"{execution.order_id}:{execution.reason}"
        if key in self.state.seen:
            return False
        self.state = changed(self.state, held=(*self.state.held, execution), seen=(*self.state.seen, key)[-REMEMBERED:])
        return True

    def on_tick(self, tick: Tick) -> RunRequest | None:
        """Book the fills up to `tick`, mark the book, and say whether a run is due.

        Raises:
            TickRefused: the bar is not after the symbol's last one, makes NAV overflow, or holds no sane numbers.
            RuntimeError: a run is due and was not decided.
        """
        if (due := self.due()) is not None:
            raise RuntimeError(f"expected run {due.run_id} to be decided before the next bar")
        window = self._window(tick.symbol)
        if _is_stale(tick, window):
            raise TickRefused(
                f"expected a {tick.symbol} bar after {window.last}, was {tick.timestamp}; "
                "to replay from the start, start from an empty state"
            )
        book, open_orders, held = self._settled(tick)
        book = book.mark(tick)
        if not math.isfinite(book.nav):
            raise TickRefused(f"expected bars and fills that leave NAV finite, {tick.symbol} makes it {book.nav}")
        if not (
            LEAST_PRICE <= tick.low <= tick.high <= MOST_PRICE
            and LEAST_PRICE <= tick.open <= MOST_PRICE
            and LEAST_PRICE <= tick.close <= MOST_PRICE
            and 0 <= tick.volume < math.inf
        ):
            raise TickRefused(
                f"expected prices {_PRICES}, high >= low and volume >= 0, {tick.symbol} has open {tick.open:g}, "
                f"high {tick.high:g}, low {tick.low:g}, close {tick.close:g}, volume {tick.volume:g}"
            )
        booked = [fill for fill in self.state.held if fill not in held] if self.state.held else []
        quantity = book.position(tick.symbol).quantity
        pending, self._observed = observe(self.state.pending, tick, booked, quantity, self.rules.horizon)
        self.state = changed(
            self.state,
            book=book,
            open_orders=open_orders,
            held=held,
            pending=pending,
            windows={**self.state.windows, tick.symbol: window.add(tick)},
        )
        return self.due()

    def due(self) -> RunRequest | None:
        """The run that must be decided before the next bar; None when there is none."""
        wanted = self.rules.ticks_per_proposal
        for symbol, window in self.state.windows.items():
            if len(window.bars) >= wanted:
                if self._due is None or self._due[0] is not window:
                    self._due = (window, self._run(symbol, window))
                return self._due[1]
        return None

    def decide_on(self, reply: GenerateResult | ErrorReply | None) -> Decision | CritiqueRequest:
        """Let the policy decide on phi3's answer (or its failure), and put that before the gate.

        Args:
            reply: None when the run asks nothing.

        Returns:
            The decision when the run failed or was rejected, or the policy wants no critique, else what hermes must be
            asked.

        Raises:
            RuntimeError: no run is due.
        """
        run = self.due()
        if run is None:
            raise RuntimeError("expected decide_on only while a run is due, none is")
        if run.error is not None:
            return self._finish(run, "failed", error=run.error)
        if isinstance(reply, ErrorReply):
            return self._finish(run, "failed", error=f"phi3: {reply.code}: {reply.message}")
        if run.request and (reply is None or reply.proposal is None):
            answered = f"{reply.model_id} sent only text" if reply else "nobody was asked"
            return self._finish(run, "failed", error=f"phi3: expected a proposal, {answered}")
        try:
            proposal = decide(run.policy.policy, run.features, reply.proposal if reply else None)
        except PolicyFailed as failure:
            return self._finish(run, "failed", error=str(failure))
        judged = self._judge(run, proposal, reply.model_version if reply else None)
        if not judged.verdict.accepted:
            return self._finish(run, "rejected", judged)
        return self._ask_critic(run, judged)

    def _ask_critic(self, run: RunRequest, judged: _Judged) -> Decision | CritiqueRequest:
        self._judged = judged
        try:
            asked = run.request.prompt if run.request else None
            situation = ask_situation(run.policy.policy, run.features, judged.proposal, asked)
            if situation is None:
                return self.conclude(None)
            request = critique_request(
                situation, judged.proposal, max_length=CRITIQUE_TOKENS, seed=sampling_seed(run.run_id)
            )
        except (PolicyFailed, ValueError) as failure:
            return self._uncritiqued(judged, str(PolicyFailed.of(failure)))
        return CritiqueRequest(
            run_id=run.run_id,
            proposal=judged.proposal,
            request=request,
        )

    def conclude(self, reply: GenerateResult | ErrorReply | None) -> Decision:
        """Take hermes' critique (or its failure) and decide.

        Where one was asked for and failed, nothing is sent, except an order that only reduces exposure.

        Args:
            reply: None when nobody was asked.

        Raises:
            RuntimeError: no critique was asked for.
        """
        judged = self._judged
        if judged is None:
            raise RuntimeError("expected conclude only after decide_on asked for a critique")
        status: Literal["accepted", "passed"] = "accepted" if judged.order else "passed"
        stopped = self.state.orders_stopped and judged.order is not None and not judged.reduces
        if isinstance(reply, GenerateResult):
            critique = Critique(text=reply.text, score=parse_score(reply.text), model_version=reply.model_version)
            if stopped:  # while the critic wrote
                refused = changed(judged, verdict=GateVerdict(accepted=False, reasons=(ORDERS_STOPPED,)))
                return self._finish(judged.run, "rejected", refused, critique=critique)
            return self._finish(judged.run, status, judged, order=judged.order, critique=critique)
        if reply is None:
            return self._finish(judged.run, status, judged, order=judged.order)
        return self._uncritiqued(judged, f"hermes: {reply.code}: {reply.message}")

    def _uncritiqued(self, judged: _Judged, error: str) -> Decision:
        if judged.reduces:
            return self._finish(judged.run, "accepted", judged, order=judged.order, error=error)
        return self._finish(judged.run, "failed", judged, error=error)

    def _run(self, symbol: str, window: Window) -> RunRequest:
        run = run_id(self.state.last_run, window.bars)
        policy = self.canary if self.canary and run.int % CANARY_RUNS == 0 else self.policy
        bars = bar_range(window.bars)
        features = features_of(symbol, window, bars, self.state.book)
        request, error = None, None
        try:
            prompt = ask_prompt(policy.policy, features)
            if prompt is not None:
                request = GenerateRequest(prompt=prompt, ticker=symbol, seed=sampling_seed(run))
        except (PolicyFailed, ValueError) as failure:
            error = str(PolicyFailed.of(failure))
        return RunRequest(
            run_id=run,
            symbol=symbol,
            bars=bars,
            features=features,
            policy=policy,
            request=request,
            error=error,
        )

    def _judge(self, run: RunRequest, proposal: Proposal, phi3_version: str | None) -> _Judged:
        book = self.state.book
        position = book.position(run.symbol)
        rules = self.rules.within(run.policy.policy.limits)
        target = target_quantity(proposal, quantity=position.quantity, price=run.bars.close, nav=book.nav, rules=rules)
        verdict = judge(
            proposal,
            symbol=run.symbol,
            quantity=position.quantity,
            target=target,
            price=run.bars.close,
            nav=book.nav,
            daily_pnl=book.daily_pnl,
            unreported_since=self._unreported_since(run.symbol),
            rules=rules,
            orders_stopped=self.state.orders_stopped,
        )
        order = order_for(proposal, run=run.run_id, symbol=run.symbol, position=position, target=target, bars=run.bars)
        return _Judged(
            run=run,
            proposal=proposal,
            phi3_version=phi3_version,
            verdict=verdict,
            order=order,
            towards_zero=reduces(position.quantity, target),
        )

    def _finish(
        self,
        run: RunRequest,
        status: Literal["accepted", "passed", "rejected", "failed"],
        judged: _Judged | None = None,
        *,
        order: Order | None = None,
        critique: Critique | None = None,
        error: str | None = None,
    ) -> Decision:
        decision = Decision(
            run_id=run.run_id,
            sequence=self.state.sequence + 1,
            symbol=run.symbol,
            status=status,
            bars=run.bars,
            proposal=judged.proposal if judged else None,
            phi3_version=judged.phi3_version if judged else None,
            verdict=judged.verdict if judged else None,
            critique=critique,
            order=order,
            error=error,
            book=self.state.book.view(run.symbol),
            policy_version=run.policy.version,
        )
        sent = {order.order_id: order} if order else {}
        observed_later = Pending.of(decision)
        self.state = changed(
            self.state,
            sequence=decision.sequence,
            last_run=run.run_id,
            pending=(*self.state.pending, observed_later) if observed_later else self.state.pending,
            windows={**self.state.windows, run.symbol: self._window(run.symbol).emptied()},
            open_orders={**self.state.open_orders, **sent},
        )
        self._due = self._judged = None
        return decision

    def _settled(self, tick: Tick) -> tuple[Book, dict[UUID, Order], tuple[Fill, ...]]:
        """The book, the open orders and the fills still held once those up to `tick` are booked."""
        book = self.state.book.start_day(tick)
        if not self.state.held:
            return book, self.state.open_orders, ()
        open_orders = dict(self.state.open_orders)
        held = []
        for fill in self.state.held:
            if fill.symbol == tick.symbol and fill.timestamp <= tick.timestamp:
                order = open_orders.pop(fill.order_id, None)
                book = book.apply(fill, order)
            else:
                held.append(fill)
        return book, open_orders, tuple(held)

    def _window(self, symbol: str) -> Window:
        return self.state.windows.get(symbol, _EMPTY)

    def _unreported_since(self, symbol: str) -> datetime | None:
        return next((order.as_of for order in self.state.open_orders.values() if order.symbol == symbol), None)


def _is_stale(tick: Tick, window: Window) -> bool:
    return window.last is not None and tick.timestamp <= window.last
