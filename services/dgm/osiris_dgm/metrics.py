"""What /metrics tells of the kernel."""

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from osiris_dgm.archive.record import Record
from osiris_dgm.promote.state import Stage, State


class KernelMetrics:
    """Prometheus metrics of tries and of promotions."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._dropped = Counter("osiris_dgm_dropped", "Traces that contradict themselves.", registry=registry)
        self._generations = Counter(
            "osiris_dgm_generations", "Generations, also those in which nothing was tried.", registry=registry
        )
        self._tried = Counter(
            "osiris_dgm_tried",
            "Candidates judged, by the stage that they did not pass; none: accepted.",
            ("failed_at",),
            registry=registry,
        )
        # a rollback by hand is another process, so these are what lies on disk
        self._promoted = Gauge("osiris_dgm_promoted", "Versions that ever became current.", registry=registry)
        self._rolled_back = Gauge(
            "osiris_dgm_rolled_back", "Versions that ever went back, from whichever stage.", registry=registry
        )
        self._in_a_row = Gauge("osiris_dgm_rollbacks_in_a_row", "Since one was trusted.", registry=registry)
        self._stage = Gauge(
            "osiris_dgm_stage", "1 for the stage in which the promotion under way is.", ("stage",), registry=registry
        )

    def dropped(self, traces: int) -> None:
        """Count traces that say nothing."""
        self._dropped.inc(traces)

    def generation(self) -> None:
        """Count a generation."""
        self._generations.inc()

    def tried(self, record: Record) -> None:
        """Count a verdict."""
        self._tried.labels(record.failed_at or "none").inc()

    def promotion(self, state: State) -> None:
        """Where the promotion stands."""
        self._promoted.set(state.promoted)
        self._rolled_back.set(state.rolled_back)
        self._in_a_row.set(state.rollbacks)
        for stage in get_args(Stage):
            self._stage.labels(stage).set(state.stage == stage)
