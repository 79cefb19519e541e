"""The contract of a policy, asked of a candidate in its cell: valid answers, and equal ones to equal questions."""

import math
import random
from collections.abc import Iterator
from itertools import pairwise

from osiris_desk.policy import Features
from osiris_desk.policy.asking import PolicyFailed, decide
from osiris_dgm.sandbox.cell import CandidateFailed, Cell
from osiris_dgm.verify.static import Unfit

QUESTIONS = 12


def check(cell: Cell) -> None:
    """Ask a spread of features, forwards and backwards.

    Raises:
        Unfit: an answer is no intent, or differs the second time.
        Contained: the candidate was ended.
    """
    questions = list(features())
    forwards = [_answer(cell, question) for question in questions]
    backwards = [_answer(cell, question) for question in reversed(questions)]
    if forwards != backwards[::-1]:
        raise Unfit("expected equal answers to equal features, whatever was asked before")


def _answer(cell: Cell, question: Features) -> object:
    try:
        prompt = cell.prompt(question)
        return prompt if prompt is not None else decide(cell, question, None)
    except (PolicyFailed, CandidateFailed) as error:
        raise Unfit(str(error)) from None


def features() -> Iterator[Features]:
    """Flat, long and short; calm and wild; one close and fifty; the same ones every time."""
    dice = random.Random(7)  # noqa: S311 - no secret
    for number in range(QUESTIONS):
        count = (1, 2, 12, 50)[number % 4]
        move = (0.0, 0.0005, 0.05)[number % 3]
        closes = [100.0]
        for _ in range(count - 1):
            closes.append(closes[-1] * math.exp(dice.gauss(0, move)))
        quantity = (0.0, 5.0, -5.0)[number // 2 % 3]
        low, high = min(closes) * (1 - move), max(closes) * (1 + move)
        steps = [math.log(after / before) ** 2 for before, after in pairwise(closes)]
        yield Features(
            symbol="EURUSD",
            bars=min(5, count),
            open=closes[0],
            high=high,
            low=low,
            close=closes[-1],
            volume=1e6 * (number % 2),
            closes=tuple(closes),
            run_return=closes[-1] / closes[max(0, count - 5)] - 1,
            history_return=closes[-1] / closes[0] - 1,
            volatility=math.sqrt(sum(steps) / len(steps)) if steps else 0.0,
            range_place=(closes[-1] - low) / (high - low) if high > low else 0.5,
            quantity=quantity,
            average_cost=100.0 if quantity else 0.0,
            stop_price=98.0 if quantity > 0 else None,
            target_price=None,
            unrealised_pnl=quantity * (closes[-1] - 100.0),
            exposure=quantity * closes[-1] / 1e5,
            nav=1e5,
            daily_pnl=quantity * (closes[-1] - 100.0),
        )
