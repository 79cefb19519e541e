"""Which examples a stage sees, and in which order. No torch."""

import math
import random
from collections.abc import Sequence

from osiris_trainer.night.examples import Example


def steps_for(examples: int, steps: int, batch: int) -> int:
    """Steps of a stage: those that are wanted, or as many as show each example once."""
    return max(steps, math.ceil(examples / batch))


def draw(examples: Sequence[Example], count: int, seed: int) -> list[Example]:
    """`count` examples, each as often as its weight says, to within one (systematic sampling), shuffled.

    Raises:
        ValueError: there are none to draw from.
    """
    if not examples:
        raise ValueError("expected examples to draw from, there are none")
    random_ = random.Random(seed)  # noqa: S311 - a shuffle
    pool = list(examples)
    random_.shuffle(pool)
    total = sum(each.weight for each in pool)
    drawn: list[Example] = []
    reached = 0.0
    for each in pool:
        reached += each.weight
        while len(drawn) < count and len(drawn) < reached / total * count - 1e-9:
            drawn.append(each)
    random_.shuffle(drawn)
    return drawn
