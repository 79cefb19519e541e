"""What /metrics tells of the desk."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from osiris_contracts import Decision
from osiris_desk.book import Book

_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 60, 100)

Stage = Literal["proposal", "critique", "run"]


class DeskMetrics:
    """Prometheus metrics of the book and of the runs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._equity = Gauge("osiris_desk_equity", "Net asset value, quote currency.", registry=registry)
        self._daily = Gauge("osiris_desk_daily_pnl", "Gain or loss of the UTC day, quote currency.", registry=registry)
        self._realised = Gauge("osiris_desk_realised_pnl", "Gains taken less losses and fees.", registry=registry)
        self._high = Gauge("osiris_desk_equity_high", "Highest equity since the process started.", registry=registry)
        self._runs = Counter("osiris_desk_runs", "Runs that were decided.", ("status",), registry=registry)
        self._orders = Counter("osiris_desk_orders", "Orders sent.", ("side",), registry=registry)
        self._stages = Histogram(
            "osiris_desk_stage_seconds",
            "Time of a run: until the proposal, until the critique, and all of it.",
            ("stage",),
            registry=registry,
            buckets=_SECONDS,
        )
        self._policy = Gauge("osiris_desk_policy_info", "The policy that decides.", ("version",), registry=registry)
        self._highest = float("-inf")

    def book(self, book: Book) -> None:
        """The book as it was committed."""
        self._highest = max(self._highest, book.nav)
        self._equity.set(book.nav)
        self._high.set(self._highest)
        self._daily.set(book.daily_pnl)
        self._realised.set(book.realised_pnl)

    def policy(self, version: str) -> None:
        """The policy that decides from now on."""
        self._policy.clear()
        self._policy.labels(version).set(1)

    def decided(self, decision: Decision) -> None:
        """Count a run."""
        self._runs.labels(decision.status).inc()
        if decision.order:
            self._orders.labels(decision.order.side).inc()

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Time a part of a run."""
        started = perf_counter()
        try:
            yield
        finally:
            self._stages.labels(stage).observe(perf_counter() - started)
