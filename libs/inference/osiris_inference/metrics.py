"""What /metrics tells of an engine."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from osiris_inference.protocol import EngineStats, Usage

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)


class EngineMetrics:
    """Prometheus metrics of the engine behind a service.

    Args:
        stats: how the engine is doing now; None while there is none.
    """

    def __init__(self, registry: CollectorRegistry, stats: Callable[[], EngineStats | None]) -> None:
        self._tokens = Counter(
            "osiris_engine_tokens",
            "Tokens: of prompts, of prompts known from earlier ones, and generated.",
            labelnames=("kind",),
            registry=registry,
        )
        self._queue = Histogram(
            "osiris_engine_queue_seconds", "Time waited for a slot.", registry=registry, buckets=_SECONDS
        )
        self._first_token = Histogram(
            "osiris_engine_first_token_seconds",
            "Time from asking to the first token.",
            registry=registry,
            buckets=_SECONDS,
        )
        self._model = Gauge("osiris_model_info", "The version that answers.", ("version",), registry=registry)
        self._swaps = Counter(
            "osiris_model_swaps",
            "New versions: those that took over (promoted), and those that could not answer (refused).",
            ("result",),
            registry=registry,
        )
        for result in ("promoted", "refused"):
            self._swaps.labels(result)  # told before it happens, so that its first is an increase
        for name, what in (
            ("running", "Requests in the batch."),
            ("waiting", "Requests that wait for a slot."),
            ("slots", "Requests the batch can hold."),
            ("cache_bytes", "Keys and values of prompt beginnings that are kept."),
            ("memory_budget_bytes", "What the predicted peak must not pass; 0: taken at the start."),
            ("memory_predicted_bytes", "Predicted peak of the requests in the batch."),
            ("memory_measured_bytes", "The most memory that was measured."),
            ("memory_workspace_bytes", "The learned part of the prediction: all but weights, keys and values."),
        ):
            gauge = Gauge(f"osiris_engine_{name}", what, registry=registry)
            gauge.set_function(lambda name=name: float(getattr(stats() or _NONE, name)))  # type: ignore[misc]

    def observe(self, usage: Usage) -> None:
        """Count a finished answer."""
        self._tokens.labels("prompt").inc(usage.prompt_tokens)
        self._tokens.labels("cached").inc(usage.cached_tokens)
        self._tokens.labels("completion").inc(usage.completion_tokens)
        self._queue.observe(usage.queue_seconds)
        self._first_token.observe(usage.first_token_seconds)

    def answers(self, version: str) -> None:
        """Which version answers from now on."""
        self._model.clear()
        self._model.labels(version).set(1)

    def swapped(self, *, promoted: bool) -> None:
        """Count a new version."""
        self._swaps.labels("promoted" if promoted else "refused").inc()


_NONE = EngineStats(running=0, waiting=0, slots=0, decoded_tokens=0, cache_bytes=0)
