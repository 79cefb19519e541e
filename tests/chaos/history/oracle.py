"""Reads a history and its outcome, and says what was promised and not kept. Does no I/O.

What Redis lost is not held against the desk: work that was begun before a FLUSHALL, or acknowledged within what a crash
took from the append-only file, need not be there. What is there must still be there once.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from tests.chaos.history.history import Event
from tests.chaos.history.outcome import Outcome, Run
from tests.chaos.history.schedule import KILLS

from osiris_contracts import streams

Broken = Literal["lost", "doubled", "reordered", "invented", "unhealed", "ended", "refused"]

_MARK = re.compile(r"\[w\d+\]")
_REQUESTS = ("hermes", "phi3")


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was not kept."""

    kind: Broken
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


@dataclass(slots=True)
class Work:
    """One piece of numbered work, as its client saw it.

    Attributes:
        invoked: when it was sent.
        calls: how many different calls that was; the same one, with its key, may come again.
    """

    name: str
    what: str
    facts: dict[str, Any]
    invoked: list[float] = field(default_factory=list)
    calls: int = 0
    acknowledged: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the oracle says.

    Attributes:
        violations: none, when every promise was kept.
        counts: what there was of everything.
    """

    violations: list[Violation]
    counts: dict[str, int]


def judge(events: Iterable[Event], outcome: Outcome) -> Verdict:
    """Hold the outcome against the history."""
    case = _Case(list(events), outcome)
    violations = [violation for check in CHECKS for violation in check(case)]
    return Verdict(violations, case.counts())


class _Case:
    def __init__(self, events: list[Event], outcome: Outcome) -> None:
        self.events = events
        self.outcome = outcome
        self.works: dict[str, Work] = {}
        self.flushes = [event.at for event in events if event.kind == "flushed"]
        self.crashes = [event for event in events if event.kind == "redis_restarted"]
        self.calm_since = max((event.at for event in events if event.kind == "nemesis"), default=0.0)
        for event in events:
            self._take(event)
        self.effects = _by_mark((effect.data, effect.cause) for effect in outcome.effects)
        self.dead = _by_mark((letter.data, letter.entry) for letter in outcome.dead)

    def _take(self, event: Event) -> None:
        if event.kind == "invoke":
            facts = {name: value for name, value in event.facts.items() if name not in ("work", "what")}
            work = self.works.setdefault(event.facts["work"], Work(event.facts["work"], event.facts["what"], facts))
            work.invoked.append(event.at)
            work.calls += event.facts.get("anew", True)
        elif event.kind == "ack":
            work = self.works[event.facts["work"]]
            work.acknowledged = event.at
            work.facts |= event.facts

    def of(self, *kinds: str) -> Iterator[Work]:
        return (work for work in self.works.values() if work.what in kinds)

    def must_be_there(self, work: Work) -> bool:
        """Whether it was acknowledged, and Redis still had it when it had finished losing things."""
        if work.acknowledged is None or any(work.invoked[0] <= at for at in self.flushes):
            return False
        return not any(
            crash.facts["since"] is not None
            and work.acknowledged >= crash.facts["since"]
            and work.invoked[-1] <= crash.facts["until"]
            for crash in self.crashes
        )

    def most(self, work: Work) -> int:
        """How often its effect may have happened at most; Redis may have lost what it knew of a key."""
        return len(work.invoked) if self.redis_lost_something else work.calls

    @property
    def redis_lost_something(self) -> bool:
        return bool(self.flushes) or any(crash.facts["lost"] for crash in self.crashes)

    def counts(self) -> dict[str, int]:
        works = self.works.values()
        acknowledged = [work for work in works if work.acknowledged is not None]
        operations = Counter(event.facts["op"] for event in self.events if event.kind == "nemesis")
        return {
            "acknowledged": len(acknowledged),
            "excused": sum(not self.must_be_there(work) for work in acknowledged),
            "never acknowledged": len(works) - len(acknowledged),
            "attempts": sum(len(work.invoked) for work in works),
            "answers": len(self.outcome.answers),
            "dead": len(self.outcome.dead),
            "decisions": len(self.outcome.runs),
            "kills": sum(operations[kind] for kind in KILLS),
            "redis killed": operations["kill redis"],
            "writes lost with it": sum(crash.facts["lost"] for crash in self.crashes if not crash.facts["power"]),
            "power cuts": operations["power cut"],
            "writes lost with them": sum(crash.facts["lost"] for crash in self.crashes if crash.facts["power"]),
            "flushes": len(self.flushes),
            "ended by themselves": sum(event.kind == "ended" for event in self.events),
            "deeds of the nemesis": operations.total(),
            "healed in seconds": round(sum(event.facts["seconds"] for event in self.events if event.kind == "healed")),
        }


Check = Callable[[_Case], Iterator[Violation]]


def _requests(case: _Case) -> Iterator[Violation]:
    """A request by XADD is answered as its model answers, once, or is dead."""
    answers = defaultdict(list)
    for answer in case.outcome.answers:
        answers[answer.cause].append(answer)
    known = set()
    for work in case.of(*_REQUESTS):
        cause = f"chaos-{work.name.strip('[]')}"
        known.add(cause)
        mine = answers[cause]
        good = [answer for answer in mine if not answer.failed]
        effects = case.effects[work.name].count(cause)
        dead = case.dead[work.name]
        if case.must_be_there(work) and not good and not dead:
            yield Violation("lost", f"request {work.name} has no answer: {[answer.text for answer in mine]}")
        if case.must_be_there(work) and not effects and not dead:
            yield Violation("lost", f"request {work.name} has no effect")
        if effects > 1:
            yield Violation("doubled", f"request {work.name} had its effect {effects} times")
        if len({answer.id for answer in mine}) > len(work.invoked):
            yield Violation("doubled", f"request {work.name}, sent {len(work.invoked)} times, has {len(mine)} answers")
        if len(work.invoked) == 1 and effects and dead:
            yield Violation("doubled", f"request {work.name}, sent once, had its effect and is dead")
        for answer in good:
            if answer.text != work.facts["expects"]:
                yield Violation("invented", f"request {work.name} was answered {answer.text!r}")
    for cause in answers.keys() - known:
        yield Violation("invented", f"an answer to {cause!r}, which nobody asked")


def _generated(case: _Case) -> Iterator[Violation]:
    """A request by HTTP is answered as its model answers, and a call has its effect at most once."""
    for work in case.of("generate"):
        causes = case.effects[work.name]
        if work.acknowledged is not None and work.facts["text"] != work.facts["expects"]:
            yield Violation("invented", f"{work.name} was answered {work.facts['text']!r}")
        if case.must_be_there(work) and not causes:
            yield Violation("lost", f"{work.name} was answered without an effect")
        if len(causes) > case.most(work):
            yield Violation("doubled", f"{work.name}, {case.most(work)} calls, had {len(causes)} effects")


def _effects(case: _Case) -> Iterator[Violation]:
    """A message id has its effect once, whoever sent it."""
    for cause, count in _repeated(effect.cause for effect in case.outcome.effects):
        yield Violation("doubled", f"message {cause} had its effect {count} times")
    for mark in case.effects.keys() - case.works.keys():
        yield Violation("invented", f"an effect of {mark}, which nobody sent")


def _proposals(case: _Case) -> Iterator[Violation]:
    """A proposal that was answered is recorded once in each place, and none that nobody asked for."""
    proposals = {row.id: row for row in case.outcome.proposals}
    places = {
        "proposals": set(proposals),
        "assessments": {row.id for row in case.outcome.assessments},
        "assessment log": set(case.outcome.assessment_log),
    }
    attempts = _by_mark((row.text, row.id) for row in case.outcome.proposals if row.origin == "gateway")
    for work in case.of("propose"):
        if work.acknowledged is not None and work.facts["text"] != work.facts["expects"]:
            yield Violation("invented", f"{work.name} was answered {work.facts['text']!r}")
        if case.must_be_there(work):
            for place, ids in places.items():
                if work.facts["transaction"] not in ids:
                    yield Violation("lost", f"proposal {work.facts['transaction']} of {work.name} is not in {place}")
        if len(attempts[work.name]) > case.most(work):
            yield Violation("doubled", f"{work.name}, {case.most(work)} calls: {attempts[work.name]}")
    for mark in attempts.keys() - case.works.keys():
        yield Violation("invented", f"a proposal for {mark}, which nobody sent")
    if not case.redis_lost_something:
        decided = set(case.outcome.recorded_runs)
        for row in case.outcome.proposals:
            if row.origin == "orchestrator" and row.id not in decided:
                yield Violation("invented", f"proposal {row.id} of the desk belongs to no run")
    for run in case.outcome.runs:
        if run.proposed and run.id not in proposals:
            yield Violation("lost", f"the proposal of run {run.id} is not recorded")


def _feedback(case: _Case) -> Iterator[Violation]:
    """Feedback is recorded once, however often it was sent."""
    rows = _by_mark((row.text, row.id) for row in case.outcome.feedback)
    for work in case.of("feedback", "note"):
        count = len(rows[work.name])
        if case.must_be_there(work) and not count and not case.dead[work.name]:
            yield Violation("lost", f"feedback {work.name} is not recorded")
        if count > 1:
            yield Violation("doubled", f"feedback {work.name} is recorded {count} times")
    for mark in rows.keys() - case.works.keys():
        yield Violation("invented", f"feedback {mark}, which nobody sent")


def _records(case: _Case) -> Iterator[Violation]:
    """No row and no line twice; what is in a table is in its log."""
    outcome = case.outcome
    for place, ids in {
        "proposals": [row.id for row in outcome.proposals],
        "assessments": [row.id for row in outcome.assessments],
        "the assessment log": outcome.assessment_log,
        "feedback": [row.id for row in outcome.feedback],
        "the feedback log": outcome.feedback_log,
        "runs": outcome.recorded_runs,
    }.items():
        for name, count in _repeated(ids):
            yield Violation("doubled", f"{name} is {count} times in {place}")
    if not case.redis_lost_something:
        for place, rows, lines in (
            ("assessment", outcome.assessments, outcome.assessment_log),
            ("feedback", outcome.feedback, outcome.feedback_log),
        ):
            for name in {row.id for row in rows} ^ set(lines):
                yield Violation("lost", f"{place} {name} is in only one of table and log")


def _poison(case: _Case) -> Iterator[Violation]:
    """Poison is put aside once."""
    dead = Counter((letter.stream, letter.entry) for letter in case.outcome.dead)
    for work in case.of("poison"):
        if case.must_be_there(work) and not dead[work.facts["stream"], work.facts["entry"]]:
            yield Violation("lost", f"poison {work.name} of {work.facts['stream']} was not put aside")
    for (stream, entry), count in dead.items():
        if count > 1:
            yield Violation("doubled", f"entry {entry} of {stream} was put aside {count} times")


def _decisions(case: _Case) -> Iterator[Violation]:
    """Decisions are numbered without a gap; of a symbol they are in the order of its bars; each is recorded."""
    runs = case.outcome.runs
    for name, count in _repeated(run.id for run in runs):
        yield Violation("doubled", f"run {name} was decided {count} times")
    for expected, run in enumerate(runs, 1):
        if run.sequence != expected:
            yield Violation("reordered", f"expected decision {expected}, was {run.sequence} ({run.id})")
            break
    for symbol, mine in _by_symbol(runs).items():
        for earlier, later in pairwise(mine):
            if later.first <= earlier.last:
                kind: Broken = "reordered" if later.last < earlier.first else "doubled"
                yield Violation(kind, f"{symbol}: bars {later.first}… decided after {earlier.last}")
    recorded = set(case.outcome.recorded_runs)
    for run in runs:
        if run.id not in recorded:
            yield Violation("lost", f"run {run.id} is not recorded")
    if not case.redis_lost_something:
        for name in recorded - {run.id for run in runs}:
            yield Violation("invented", f"run {name} is recorded, and was never decided")


def _ticks(case: _Case) -> Iterator[Violation]:
    """Every bar went into one decision, waits for one, or is dead."""
    runs = _by_symbol(case.outcome.runs)
    ticks: dict[str, list[Work]] = defaultdict(list)
    for work in case.of("tick"):
        ticks[work.facts["symbol"]].append(work)
    dead = {letter.entry for letter in case.outcome.dead if letter.stream == streams.MARKET_TICKS}
    for symbol, works in ticks.items():
        waiting = set(case.outcome.open_bars.get(symbol, ()))
        for run in runs.get(symbol, ()):
            inside = [work for work in works if run.first <= work.facts["time"] <= run.last]
            certain = [work for work in inside if case.must_be_there(work) and work.facts["entry"] not in dead]
            if run.count < len(certain):
                yield Violation("lost", f"run {run.id} looked at {run.count} of {len(certain)} bars of {symbol}")
            if run.count > len(inside):
                yield Violation("invented", f"run {run.id} looked at {run.count} bars, {len(inside)} were sent")
        for work in works:
            decided = sum(run.first <= work.facts["time"] <= run.last for run in runs.get(symbol, ()))
            kept = decided or work.facts["time"] in waiting
            put_aside = work.facts.get("entry") in dead
            if case.must_be_there(work) and not kept and not put_aside:
                yield Violation("lost", f"bar {work.name} of {symbol} went into no decision")
            if len(work.invoked) == 1 and kept and put_aside:
                yield Violation("doubled", f"bar {work.name} of {symbol}, sent once, was used and put aside")


def _orders(case: _Case) -> Iterator[Violation]:
    """A decision's order is sent once, and the venue answers it once."""
    outcome = case.outcome
    decided = {run.order for run in outcome.runs if run.order}
    for name, count in _repeated(outcome.orders):
        yield Violation("doubled", f"order {name} was sent {count} times")
    for name in decided - set(outcome.orders):
        yield Violation("lost", f"order {name} was decided and not sent")
    for name in set(outcome.orders) - decided:
        yield Violation("invented", f"order {name} was sent and not decided")
    for key, count in _repeated((report.order, report.of) for report in outcome.reports):
        yield Violation("doubled", f"{key[1]} of order {key[0]} was reported {count} times")
    reported = {report.order for report in outcome.reports}
    for name in set(outcome.orders) - reported - set(outcome.waiting_orders):
        yield Violation("lost", f"the venue never answered order {name}")
    for name in reported - set(outcome.orders):
        yield Violation("invented", f"the venue answered order {name}, which nobody sent")


def _life(case: _Case) -> Iterator[Violation]:
    """The desk heals; nobody ends as if all were well; nobody is told of an internal error; `always` is always."""
    for event in case.events:
        facts = event.facts
        if event.kind == "unhealed":
            yield Violation("unhealed", facts["left"])
        elif event.kind == "abandon" and event.at > case.calm_since and facts["reason"].startswith("Unavailable"):
            yield Violation("unhealed", f"{facts['work']} was not taken after the last fault: {facts['reason']}")
        elif event.kind == "ended" and bool(facts.get("asked")) != (facts["code"] == 0):
            yield Violation("ended", f"{facts['process']} ended with {facts['code']} at {event.at:.1f} s")
        elif event.kind == "refused":
            yield Violation("refused", f"{facts['work']} got {facts['status']}: {facts['body']}")
        elif event.kind == "redis_restarted" and facts["since"] is None and facts["lost"]:
            yield Violation("lost", f"Redis lost {facts['lost']} writes though it was to fsync always")


CHECKS: tuple[Check, ...] = (
    _requests,
    _generated,
    _effects,
    _proposals,
    _feedback,
    _records,
    _poison,
    _decisions,
    _ticks,
    _orders,
    _life,
)


def _by_mark(pairs: Iterable[tuple[str, str]]) -> defaultdict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for text, value in pairs:
        if mark := _MARK.search(text):
            found[mark[0]].append(value)
    return found


def _by_symbol(runs: Collection[Run]) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        found[run.symbol].append(run)
    return found


def _repeated(names: Iterable[Any]) -> Iterator[tuple[Any, int]]:
    return ((name, count) for name, count in Counter(names).items() if count > 1)
