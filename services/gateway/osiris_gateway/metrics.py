"""What /metrics tells of the door."""

from time import perf_counter
from types import TracebackType
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Histogram

from osiris_contracts import ModelId, streams
from osiris_mesh import Refused

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

    def answer(self, model: ModelId) -> "Answering":
        """A block that gives one answer, or refuses it."""
        return Answering(model, self._answers[model], self._refused)


class Answering:
    """Times the block, and counts it where it ends in a refusal."""

    __slots__ = ("_model", "_refused", "_seconds", "_started")

    def __init__(self, model: ModelId, seconds: Histogram, refused: Counter) -> None:
        self._model = model
        self._seconds = seconds
        self._refused = refused

    def __enter__(self) -> Self:
        self._started = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Refused):
            self._refused.labels(self._model, error.code).inc()
        self._seconds.observe(perf_counter() - self._started)
