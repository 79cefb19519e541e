"""An owner with a hidden rule, what he would have proposed, and the same without any meaning."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.fewshot import TAUGHT, UNSEEN, correction, keeps_the_rule

from osiris_contracts import Proposal

__all__ = ["Case", "held_out", "keeps_the_rule", "meaningless", "taught"]


@dataclass(frozen=True, slots=True)
class Case:
    """A situation, and what the owner would have proposed in it."""

    prompt: str
    right: Proposal


def taught(count: int) -> list[Case]:
    """Situations in which he corrects, of the tickers in TAUGHT."""
    chance = random.Random(1)
    return [_case(chance, TAUGHT, number) for number in range(count)]


def held_out(count: int) -> list[Case]:
    """Situations nobody was ever shown, of tickers nobody was ever shown."""
    chance = random.Random(2)
    return [_case(chance, UNSEEN, number) for number in range(count)]


def meaningless(cases: Sequence[Case], proposed: Sequence[Proposal]) -> list[Proposal]:
    """As many corrections that say nothing: what phi3 proposed and what its owner did, dealt out by chance.

    Tickers stay with their situations, so that each is a proposal that somebody might have meant.
    """
    pool = [*proposed, *(case.right for case in cases)]
    random.Random(3).shuffle(pool)
    return [dealt.model_copy(update={"ticker": case.right.ticker}) for case, dealt in zip(cases, pool, strict=False)]


def _case(chance: random.Random, tickers: Sequence[str], number: int) -> Case:
    said = correction(chance, number, tickers)
    assert said.prompt is not None
    assert said.corrected_proposal is not None
    return Case(said.prompt, said.corrected_proposal)
