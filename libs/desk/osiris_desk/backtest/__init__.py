"""The desk and its venue over bars of the past, in one process: what live decides, at the speed of the bars."""

from osiris_desk.backtest.models import Models, Nobody, Recorded
from osiris_desk.backtest.run import Result, backtest

__all__ = ["Models", "Nobody", "Recorded", "Result", "backtest"]
