"""Where a service's output goes: one file a service, kept small."""

from pathlib import Path

MAX_BYTES = 10 * 1024 * 1024
_TAIL_BYTES = 64 * 1024


def rotate(log: Path, max_bytes: int = MAX_BYTES) -> None:
    """Set a log that has grown past `max_bytes` aside as `<log>.1`, in place of the one before."""
    if log.exists() and log.stat().st_size > max_bytes:
        log.replace(log.with_name(f"{log.name}.1"))


def last_lines(log: Path, count: int) -> list[str]:
    """The last `count` lines that say something; none when there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()][-count:]
