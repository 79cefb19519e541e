"""How the desk is."""

from collections.abc import Callable
from datetime import datetime

from osiris_contracts import Health
from osiris_gateway.scores import RecentScores
from osiris_gateway.watch import Watch


class Vitals:
    """Puts together what /health tells.

    Args:
        now: the server's clock, UTC.
    """

    def __init__(self, watch: Watch, scores: RecentScores, now: Callable[[], datetime]) -> None:
        self._watch = watch
        self._scores = scores
        self._now = now

    def health(self) -> Health:
        """As of the last half second."""
        phi3, hermes = self._watch.status("phi3"), self._watch.status("hermes")
        loaded = [bool(status and status.loaded) for status in (phi3, hermes)]
        mean, count = self._scores.of(self._now())
        devices = {status.device for status in (phi3, hermes) if status}
        return Health(
            status="ok" if all(loaded) else "partial_error" if any(loaded) else "error",
            phi3_loaded=loaded[0],
            hermes_loaded=loaded[1],
            phi3_model_file_exists=bool(phi3 and phi3.file_exists),
            device=",".join(sorted(devices)) or "unknown",
            phi3_model_version=phi3.version if phi3 else None,
            mean_hermes_score_last_24h=mean,
            num_hermes_scores_last_24h=count,
        )
