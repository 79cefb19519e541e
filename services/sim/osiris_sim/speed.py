"""How fast bars come."""

import math
import re

_TIMES = re.compile(r"(\d+(?:\.\d*)?|\.\d+)x", re.IGNORECASE)


def seconds_per_bar(speed: str) -> float:
    """Seconds between bars at `speed`: Nx is 1/N, max is 0.

    Raises:
        ValueError: `speed` is neither.
    """
    if speed.lower() == "max":
        return 0.0
    found = _TIMES.fullmatch(speed)
    times = float(found[1]) if found else 0.0
    if not (times > 0 and math.isfinite(1 / times)):
        raise ValueError(f"expected a speed as 1x, 10x, 0.5x or max, got '{speed}'")
    return 1 / times
