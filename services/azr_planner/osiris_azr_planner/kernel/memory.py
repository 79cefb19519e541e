"""All that was learned from the kernel's outcomes, as one JSON text."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field

from osiris_azr_planner.kernel.beliefs import Belief
from osiris_contracts import ChangeKind, Contract, DgmOutcome, PolicyPart, Regime

REMEMBERED = 256
"""How many of the last outcomes are known by their message ids, so that one told twice counts once."""


def change_key(part: PolicyPart, kind: ChangeKind) -> str:
    """What names a change in the memory."""
    return f"{part}/{kind}"


def market_key(regime: Regime, level: int) -> str:
    """What names a kind of market in the memory."""
    return f"{regime}/{level}"


class Memory(Contract):
    """What the planner knows. Immutable; goes to JSON and back without a change.

    Attributes:
        outcomes: learned from so far.
        changes: the reward of every change that was tried.
        markets: how often today's policy wins on every kind of synthetic market that it was tried on.
        seen: message ids of the last outcomes.
    """

    outcomes: int = Field(default=0, ge=0)
    changes: dict[str, Belief] = Field(default_factory=dict)
    markets: dict[str, Belief] = Field(default_factory=dict)
    seen: tuple[str, ...] = ()

    def change(self, part: PolicyPart, kind: ChangeKind) -> Belief:
        """What is believed of the reward of a change."""
        return self.changes.get(change_key(part, kind), Belief())

    def market(self, regime: Regime, level: int) -> Belief:
        """How often today's policy is believed to win there."""
        return self.markets.get(market_key(regime, level), Belief())

    def after(self, outcome: DgmOutcome, id: str, half_life: float) -> Self:
        """The memory with one lesson more; the same one where `id` was learned from before.

        Every lesson before fades a little: the policy that they were learned on changes. This is discounted Thompson
        sampling (Raj & Kalyani 2017, arXiv 1707.09727), with rewards in [0, 1] as fractions of a success.

        Args:
            half_life: outcomes after which a lesson counts half.
        """
        if id in self.seen:
            return self
        kept = 0.5 ** (1 / half_life)
        reward = (change_key(outcome.part, outcome.kind), outcome.reward, 1 - outcome.reward)
        markets = self.markets
        if outcome.scenario is not None:
            market = market_key(outcome.scenario.regime, outcome.scenario.level)
            markets = _after(markets, (market, outcome.wins, outcome.episodes - outcome.wins), kept)
        return self.model_copy(
            update={
                "outcomes": self.outcomes + 1,
                "changes": _after(self.changes, reward, kept),
                "markets": markets,
                "seen": (*self.seen, id)[-REMEMBERED:],
            }
        )

    def to_json(self) -> bytes:
        """The memory as JSON."""
        return self.model_dump_json().encode()

    @classmethod
    def from_json(cls, data: bytes | None) -> Self:
        """The memory that `to_json` wrote; an empty one for None.

        Raises:
            ValueError: `data` is something else.
        """
        return cls() if data is None else cls.model_validate_json(data)


def _after(beliefs: Mapping[str, Belief], seen: tuple[str, float, float], kept: float) -> dict[str, Belief]:
    faded = {key: belief.faded(kept) for key, belief in beliefs.items()}
    key, successes, failures = seen
    return faded | {key: faded.get(key, Belief()).after(successes, failures)}
