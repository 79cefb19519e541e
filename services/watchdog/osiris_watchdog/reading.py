"""What a meter read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """The memory of one thing that is watched.

    Attributes:
        service: who has to answer for it.
        instance: of the service; None: all of it.
        device: the GPU; None: main memory.
        mib: how much is held; None: that could not be read.
        failure: why not.
    """

    service: str
    instance: str | None = None
    device: str | None = None
    mib: float | None = None
    failure: str = ""

    @property
    def subject(self) -> str:
        """What is watched, the same from reading to reading."""
        return self.device or self.instance or self.service
