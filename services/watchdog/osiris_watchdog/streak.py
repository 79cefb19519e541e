"""Readings in a row above a limit."""


class Streak:
    """Counts readings that lie strictly above the limit, one behind the other.

    Args:
        limit_mib: a reading of just as much is not above it.
        reads: so many in a row are enough.
    """

    def __init__(self, *, limit_mib: float, reads: int) -> None:
        self._limit = limit_mib
        self._reads = reads
        self.length = 0

    def read(self, mib: float | None) -> bool:
        """Take one reading; whether there are enough in a row now. None, a reading that failed, changes nothing."""
        if mib is not None:
            self.length = self.length + 1 if mib > self._limit else 0
        return self.length >= self._reads

    def restart(self) -> None:
        """Begin to count anew."""
        self.length = 0
