"""What /metrics tells of the watchdog."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from osiris_contracts import WatchdogAct
from osiris_watchdog.guard import Guard
from osiris_watchdog.reading import Reading

_BY_SUBJECT = ("watched", "subject")


class WatchdogMetrics:
    """Prometheus metrics of what is watched, and of what was done."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._memory = Gauge(
            "osiris_watchdog_memory_mib", "Memory read, MiB, of a GPU or an instance.", _BY_SUBJECT, registry=registry
        )
        self._limit = Gauge("osiris_watchdog_limit_mib", "What it must not be above for long, MiB.", registry=registry)
        self._above = Gauge(
            "osiris_watchdog_reads_above", "Readings in a row above the limit.", _BY_SUBJECT, registry=registry
        )
        self._left = Gauge(
            "osiris_watchdog_seconds_to_limit",
            "Until the limit at the current slope; absent where it does not grow.",
            _BY_SUBJECT,
            registry=registry,
        )
        self._open = Gauge(
            "osiris_watchdog_circuit_open", "1: it gave up until a person resumes.", ("watched",), registry=registry
        )
        self._acts = Counter("osiris_watchdog_acts", "What it did.", ("watched", "event"), registry=registry)
        self._failed = Counter("osiris_watchdog_rounds_failed", "Rounds that read nothing at all.", registry=registry)
        self._process = Gauge(
            "osiris_watchdog_gpu_process_mib", "GPU memory of one process, MiB.", ("gpu", "pid"), registry=registry
        )

    def observe(self, readings: Iterable[Reading], guard: Guard, processes: dict[tuple[str, int], float]) -> None:
        """One round of readings, judged; what was not read is told no longer."""
        for gauge in (self._memory, self._above, self._left, self._process):
            gauge.clear()
        self._limit.set(guard.rules.limit_mib)
        for reading in readings:
            labels = (reading.service, reading.subject)
            if reading.mib is not None:
                self._memory.labels(*labels).set(reading.mib)
            self._above.labels(*labels).set(guard.above(reading))
            if (left := guard.seconds_to_limit(reading)) is not None:
                self._left.labels(*labels).set(left)
        for (gpu, pid), mib in processes.items():
            self._process.labels(gpu, str(pid)).set(mib)
        for service, brake in guard.brakes.items():
            self._open.labels(service).set(brake.open)

    def acted(self, service: str, act: WatchdogAct) -> None:
        """Count an act."""
        self._acts.labels(service, act).inc()

    def failed(self) -> None:
        """Count a round that read nothing."""
        self._failed.inc()
