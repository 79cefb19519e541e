"""The market: replays bars, and is the venue that fills orders."""

from osiris_sim.bundled import bundled_csv

__all__ = ["bundled_csv"]
