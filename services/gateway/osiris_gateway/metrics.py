"""What /metrics tells of the door."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from osiris_contracts import ModelId, streams

_SECONDS = (0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class DoorMetrics:
    """Prometheus metrics of what was asked over HTTP."""

    def __init__(self, registry: CollectorRegistry) -> None:
        answers = Histogram(
            "osiris_gateway_answer_seconds",
            "From asking a model to the last of its answer, refused ones included.",
            ("model",),
            registry=registry,
            buckets=_SECONDS,
        )
        self._answers = {model: answers.labels(model) for model in streams.REQUESTS_OF}
        self._refused = Counter(
            "osiris_gateway_refused", "Answers that were a refusal.", ("model", "code"), registry=registry
        )

    def answered(self, model: ModelId, seconds: float) -> None:
        """Count an answer."""
        self._answers[model].observe(seconds)

    def refused(self, model: ModelId, code: str) -> None:
        """Count a refusal."""
        self._refused.labels(model, code).inc()
