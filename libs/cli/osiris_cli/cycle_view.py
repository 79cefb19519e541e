"""What a person sees of the desk: its messages in, lines of text out. No Redis, no terminal, no clock."""

import textwrap
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from osiris_contracts import (
    BarRange,
    BookView,
    Chunk,
    Critique,
    Decision,
    Fill,
    GateVerdict,
    Order,
    OrderRejection,
    Proposal,
    ProposalCreated,
    ProposedTrade,
    price_text,
)

Tone = Literal["title", "plain", "good", "bad", "quiet"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what it is about, what it says, and how it is meant."""

    label: str
    text: str
    tone: Tone = "plain"


class StreamedText:
    """Text that comes in pieces, given out line by line as lines fill up."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._rest = ""

    def feed(self, piece: str) -> list[str]:
        """The lines that `piece` completed."""
        *paragraphs, self._rest = (self._rest + piece).split("\n")
        done = [line for paragraph in paragraphs for line in textwrap.wrap(paragraph, self._width)]
        wrapped = textwrap.wrap(self._rest, self._width)
        if len(wrapped) > 1:
            gap = self._rest[len(self._rest.rstrip()) :]  # the next word may not have come yet
            done += wrapped[:-1]
            self._rest = wrapped[-1] + gap
        return done

    def flush(self) -> list[str]:
        """What is left."""
        rest, self._rest = self._rest, ""
        return textwrap.wrap(rest, self._width)


@dataclass(slots=True)
class _Run:
    """A cycle of which something was shown."""

    number: int
    symbol: str
    critique: StreamedText
    pieces: int = 0
    bars: bool = False
    proposed: bool = False
    judged: bool = False
    critic_named: bool = False


class CycleView:
    """Turns the desk's messages into lines, and counts them.

    Args:
        cycles: how many are expected; None when nobody knows.
        width: characters a line of text may have, label not counted.
    """

    def __init__(self, cycles: int | None = None, width: int = 88) -> None:
        self._cycles = cycles
        self._width = width
        self._runs: dict[UUID, _Run] = {}
        self._shown: UUID | None = None
        self._open_orders: set[UUID] = set()
        self.decisions: list[Decision] = []
        self.fills: list[Fill] = []

    @property
    def waiting_for_fill(self) -> bool:
        """Whether an order is out that the venue has not answered."""
        return bool(self._open_orders)

    def proposal(self, created: ProposalCreated) -> list[Line]:
        """A proposal was made."""
        run, lines = self._turn_to(created.transaction_id, created.proposal.ticker)
        return lines + self._proposed(run, created.bars, created.proposal, created.verdict)

    def critique_piece(self, run_id: UUID, chunk: Chunk) -> list[Line]:
        """The critic wrote on. A piece that came before, from a worker that was taken over, shows once."""
        run = self._runs.get(run_id)
        if run is None or chunk.index < run.pieces:
            return []
        _, lines = self._turn_to(run_id, run.symbol)
        run.pieces = chunk.index + 1
        return lines + self._criticise(run, run.critique.feed(chunk.text))

    def decision(self, decision: Decision) -> list[Line]:
        """The desk decided."""
        run, lines = self._turn_to(decision.run_id, decision.symbol)
        self.decisions.append(decision)
        lines += self._proposed(run, decision.bars, decision.proposal, decision.verdict)
        lines += self._criticise(run, run.critique.flush())
        if decision.critique is not None:
            lines += self._critique(run, decision.critique)
        if decision.order is not None:
            self._open_orders.add(decision.order.order_id)
            lines.append(Line("order", _order(decision.order)))
        if decision.error is not None:
            lines += self._wrapped("error", decision.error, "bad")
        lines.append(Line("equity", _equity(decision.book)))
        return lines

    def execution(self, execution: Fill | OrderRejection) -> list[Line]:
        """The venue answered."""
        self._open_orders.discard(execution.order_id)
        if isinstance(execution, OrderRejection):
            return self._wrapped("refused", f"{execution.symbol}: {execution.reason}", "bad")
        self.fills.append(execution)
        return [_fill(execution)]

    def summary(self) -> list[Line]:
        """What it all came to."""
        lines = [Line("", "summary", "title")]
        counts = Counter(decision.status for decision in self.decisions)
        told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "none"
        lines.append(Line("cycles", f"{len(self.decisions)}: {told}" if self.decisions else told))
        scores = [each.critique.score for each in self.decisions if each.critique and each.critique.score is not None]
        if scores:
            lines.append(Line("critic", f"mean score {sum(scores) / len(scores):.1f}/10 over {len(scores)}"))
        trades = [fill for fill in self.fills if fill.quantity]
        lines.append(Line("fills", f"{len(trades)}, fees {sum(fill.fee for fill in trades):,.2f}"))
        if self.decisions:
            first, last = self.decisions[0].book.nav, self.decisions[-1].book.nav
            lines.append(Line("equity", f"{first:,.2f} → {last:,.2f} ({last - first:+,.2f})", _tone_of(last - first)))
        return lines

    def _turn_to(self, run_id: UUID, symbol: str) -> tuple[_Run, list[Line]]:
        """The run, and a title when the lines before were about another."""
        run = self._runs.get(run_id)
        if run is None:
            run = self._runs[run_id] = _Run(len(self._runs) + 1, symbol, StreamedText(self._width))
        if run_id == self._shown:
            return run, []
        self._shown = run_id
        of = f" of {self._cycles}" if self._cycles is not None and run.number <= self._cycles else ""
        return run, [Line("", f"cycle {run.number}{of} · {symbol}", "title")]

    def _proposed(
        self, run: _Run, bars: BarRange | None, proposal: Proposal | None, verdict: GateVerdict | None
    ) -> list[Line]:
        """What led to the proposal and what the gate said of it, each of it once."""
        lines: list[Line] = []
        if bars and not run.bars:
            run.bars = True
            lines.append(Line("bars", _bars(bars)))
        if proposal and not run.proposed:
            run.proposed = True
            lines.append(Line("proposal", _terms(proposal)))
            lines += self._wrapped("", f"“{proposal.rationale}”", "quiet")
        if verdict and not run.judged:
            run.judged = True
            lines += self._verdict(verdict)
        return lines

    def _criticise(self, run: _Run, texts: list[str]) -> list[Line]:
        lines = _labelled("" if run.critic_named else "critic", texts)
        run.critic_named = run.critic_named or bool(texts)
        return lines

    def _critique(self, run: _Run, critique: Critique) -> list[Line]:
        lines = [] if run.pieces else self._wrapped("critic", critique.text)
        score = "none given" if critique.score is None else f"{critique.score:g}/10"
        return [*lines, Line("score", score)]

    def _verdict(self, verdict: GateVerdict) -> list[Line]:
        if verdict.accepted:
            return [Line("gate", "accepted", "good")]
        return self._wrapped("gate", f"rejected: {'; '.join(verdict.reasons)}", "bad")

    def _wrapped(self, label: str, text: str, tone: Tone = "plain") -> list[Line]:
        return _labelled(label, textwrap.wrap(text, self._width), tone)


def proposed_trade(answer: ProposedTrade, width: int) -> list[Line]:
    """A proposal that was asked for, and its critique."""
    proposal = answer.phi3_proposal
    return [
        Line("", proposal.ticker, "title"),
        Line("proposal", _terms(proposal)),
        *_labelled("", textwrap.wrap(f"“{proposal.rationale}”", width), "quiet"),
        *_labelled("critic", textwrap.wrap(answer.hermes_assessment, width)),
        Line("id", str(answer.transaction_id), "quiet"),
    ]


def _labelled(label: str, texts: Iterable[str], tone: Tone = "plain") -> list[Line]:
    return [Line("" if index else label, text, tone) for index, text in enumerate(texts)]


def _terms(proposal: Proposal) -> str:
    parts = [proposal.action if proposal.side is None else f"{proposal.action} {proposal.side}"]
    if proposal.new_stop_pct is not None:
        parts.append(f"stop {proposal.new_stop_pct:g}%")
    if proposal.new_target_pct is not None:
        parts.append(f"target {proposal.new_target_pct:g}%")
    return "   ".join([*parts, f"confidence {proposal.confidence:.2f}"])


def _bars(bars: BarRange) -> str:
    noun = "bar" if bars.count == 1 else "bars"
    opened, closed, low, high = map(price_text, (bars.open, bars.close, bars.low, bars.high))
    span = f"{_moment(bars.first)} → {_moment(bars.last)}"
    return f"{span}   {bars.count} {noun}   {opened} → {closed} (low {low}, high {high})"


def _order(order: Order) -> str:
    what = f"{order.side} {_units(order.quantity)} {order.symbol}" if order.quantity else f"{order.symbol} protection"
    return "   ".join([what, *_levels(order.stop_price, order.target_price)])


def _equity(book: BookView) -> str:
    position = book.position
    held = f"{_units(position.quantity)} at {price_text(position.average_cost)}" if position.quantity else "flat"
    return "   ".join(
        [
            f"{book.nav:,.2f}",
            f"today {book.daily_pnl:+,.2f}",
            held,
            *_levels(position.stop_price, position.target_price),
        ]
    )


def _fill(fill: Fill) -> Line:
    at = f"{price_text(fill.price)}   {_moment(fill.timestamp)}"
    if not fill.quantity:
        return Line("fill", f"{fill.symbol} protection set at {at}")
    why = {"stop": "stop hit: ", "target": "target hit: "}.get(fill.reason, "")
    tone: Tone = {"stop": "bad", "target": "good"}.get(fill.reason, "plain")  # type: ignore[assignment]
    return Line("fill", f"{why}{fill.side} {_units(fill.quantity)} {fill.symbol} at {at}   fee {fill.fee:,.2f}", tone)


def _levels(stop: float | None, target: float | None) -> list[str]:
    levels = (("stop", stop), ("target", target))
    return [f"{name} {price_text(level)}" for name, level in levels if level is not None]


def _tone_of(gain: float) -> Tone:
    return "good" if gain > 0 else "bad" if gain < 0 else "plain"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _units(quantity: float | None) -> str:
    return f"{quantity or 0:,.4f}".rstrip("0").rstrip(".")
