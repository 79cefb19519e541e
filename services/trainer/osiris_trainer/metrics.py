"""What /metrics tells of the nights: a night is a process of its own, gone before anybody asks it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import get_args

import structlog
from prometheus_client import CollectorRegistry, Gauge

from osiris_trainer.night.history import Ending, Night, Nights
from osiris_trainer.night.waiting import waiting

LOOK_SECONDS = 10.0
"""Between two looks at what the nights left behind; a look costs 50 ms of processor."""

_log = structlog.get_logger(__name__)


class NightMetrics:
    """Prometheus metrics of what the nights left behind; what no night has shown yet is not told."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._nights = Gauge("osiris_nights", "Nights by how they ended.", ("ending",), registry=registry)
        self._ended = Gauge(
            "osiris_night_ended_timestamp_seconds", "When the last one ended so.", ("ending",), registry=registry
        )
        self._seconds = Gauge(
            "osiris_night_seconds", "How long the last one took that ended so.", ("ending",), registry=registry
        )
        self._win_rate = Gauge(
            "osiris_night_win_rate",
            "Share of the held-out corrections to which the last version that was judged so was nearer.",
            ("ending",),
            registry=registry,
        )
        self._waiting = Gauge("osiris_corrections_waiting", "Corrections no night has looked at.", registry=registry)
        self._oldest = Gauge("osiris_corrections_oldest_waiting_seconds", "Age of the oldest.", registry=registry)

    def observe(self, nights: Sequence[Night], corrections: Sequence[datetime], now: datetime) -> None:
        """What there is to tell now.

        Args:
            nights: all of them, the oldest first.
            corrections: when those came that wait, the oldest first.
        """
        counts = Counter(night.ending for night in nights)
        for ending in get_args(Ending):
            self._nights.labels(ending).set(counts[ending])
        for night in nights:
            self._ended.labels(night.ending).set(night.ended_at.timestamp())
            self._seconds.labels(night.ending).set((night.ended_at - night.started_at).total_seconds())
            if night.win_rate is not None:
                self._win_rate.labels(night.ending).set(night.win_rate)
        self._waiting.set(len(corrections))
        self._oldest.set((now - corrections[0]).total_seconds() if corrections else 0.0)


async def keep_observing(metrics: NightMetrics, tables: Path, now: Callable[[], datetime]) -> None:
    """Look for ever; what cannot be read at the moment holds up no recording."""
    nights = Nights(tables)
    while True:
        try:
            metrics.observe(await asyncio.to_thread(nights.all), await waiting(tables), now())
        except (OSError, RuntimeError, ValueError) as error:  # a table that a night makes or compacts meanwhile
            _log.warning("the nights cannot be read", reason=str(error)[:300])
        await asyncio.sleep(LOOK_SECONDS)
