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
        parts = {
            "queue": usage.queue_seconds,
            "model": in_engine - usage.queue_seconds,
            "mesh": max(0.0, perf_counter() - self._begun - in_engine),
        }
        return {"server-timing": ", ".join(f"{name};dur={1000 * seconds:.1f}" for name, seconds in parts.items())}
