"""How fast bars come."""

import pytest

from osiris_sim.speed import seconds_per_bar


@pytest.mark.parametrize(("speed", "seconds"), [("1x", 1), ("10x", 0.1), ("0.5X", 2), ("max", 0), ("MAX", 0)])
def test_speeds(speed: str, seconds: float) -> None:
    assert seconds_per_bar(speed) == seconds


@pytest.mark.parametrize("speed", ["", "fast", "10", "x", "0x", "-1x", "nanx", "infx", "1e3x", "10 x", "0.0x"])
def test_what_is_no_speed_is_refused(speed: str) -> None:
    with pytest.raises(ValueError, match="expected a speed"):
        seconds_per_bar(speed)
