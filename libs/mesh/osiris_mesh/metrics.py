"""What /metrics tells of one service."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BY_STREAM = ("stream",)
_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class Metrics:
    """Prometheus metrics of the streams a service consumes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.handled = Counter(
            "osiris_handled", "Entries handled to their end.", labelnames=_BY_STREAM, registry=self.registry
        )
        self.failed = Counter("osiris_failed", "Attempts that raised.", labelnames=_BY_STREAM, registry=self.registry)
        self.retried = Counter(
            "osiris_retried", "Entries delivered more than once.", labelnames=_BY_STREAM, registry=self.registry
        )
        self.dead = Counter(
            "osiris_dead", "Entries moved to the dead-letter stream.", labelnames=_BY_STREAM, registry=self.registry
        )
        self.duplicates = Counter(
            "osiris_duplicates",
            "Messages whose effect had happened before.",
            labelnames=_BY_STREAM,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "osiris_in_flight", "Entries being handled now.", labelnames=_BY_STREAM, registry=self.registry
        )
        self.lag = Gauge(
            "osiris_lag", "Entries the group has not been handed yet.", labelnames=_BY_STREAM, registry=self.registry
        )
        self.pending = Gauge(
            "osiris_pending", "Entries handed out and not acknowledged.", labelnames=_BY_STREAM, registry=self.registry
        )
        self.oldest_pending = Gauge(
            "osiris_oldest_pending_seconds",
            "Age of the oldest pending entry.",
            labelnames=_BY_STREAM,
            registry=self.registry,
        )
        self.dead_letters = Gauge(
            "osiris_dead_letters",
            "Entries that lie in the dead-letter stream.",
            labelnames=_BY_STREAM,
            registry=self.registry,
        )
        self.seconds = Histogram(
            "osiris_handler_seconds", "Time in the handler.", _BY_STREAM, registry=self.registry, buckets=_SECONDS
        )
