"""Where the time of an answer went, as `Server-Timing` (W3C): browsers draw it, curl -i shows it."""

from time import perf_counter

from osiris_contracts import Chunk, GenerateResult


class Timing:
    """Counts from when it is made."""

    def __init__(self) -> None:
        self._begun = perf_counter()

    def headers(self, reply: Chunk | GenerateResult) -> dict[str, str]:
        """Milliseconds up to `reply`: `queue` waiting for a slot, `model` in it, `mesh` on the way there and back."""
        usage = reply.usage
        if usage is None:
            return {}
        in_engine = usage.total_seconds if isinstance(reply, GenerateResult) else usage.first_token_seconds
        queue, mesh = usage.queue_seconds, max(0.0, perf_counter() - self._begun - in_engine)
        parts = f"queue;dur={1e3 * queue:.1f}, model;dur={1e3 * (in_engine - queue):.1f}, mesh;dur={1e3 * mesh:.1f}"
        return {"server-timing": parts}
