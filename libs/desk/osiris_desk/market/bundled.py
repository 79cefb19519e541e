"""The bars that come with the package; `data/SOURCE.md` says from where."""

from pathlib import Path

BUNDLED_SYMBOL = "EURUSD"


def bundled_csv() -> Path:
    """6,225 hourly bars of EURUSD, 2017."""
    return Path(__file__).parent / "data" / "eurusd_1h_2017.csv"
