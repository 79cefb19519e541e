"""What reads memory."""

from typing import Protocol

from osiris_watchdog.reading import Reading


class Meter(Protocol):
    """Reads everything that is watched."""

    async def read(self) -> list[Reading]:
        """One reading of each.

        Raises:
            MeterFailed: nothing can be read.
        """
        ...


class MeterFailed(Exception):
    """Nothing could be read at all."""
