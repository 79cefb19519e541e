"""What is believed of a chance, after some that went well and some that did not."""

from random import Random
from typing import Self

from pydantic import Field

from osiris_contracts import Contract


class Belief(Contract):
    """A Beta belief over a chance from 0 to 1, from an even prior: Beta(1 + successes, 1 + failures).

    Attributes:
        successes, failures: seen so far, older ones counting less; fractions for a reward between 0 and 1.
    """

    successes: float = Field(default=0.0, ge=0)
    failures: float = Field(default=0.0, ge=0)

    @property
    def mean(self) -> float:
        """The chance, as far as one knows."""
        return (1 + self.successes) / (2 + self.successes + self.failures)

    @property
    def seen(self) -> float:
        """How much it rests on."""
        return self.successes + self.failures

    def draw(self, randomness: Random) -> float:
        """A chance that may be the true one, as often as it is believed to be (Thompson 1933)."""
        return randomness.betavariate(1 + self.successes, 1 + self.failures)

    def after(self, successes: float, failures: float) -> Self:
        """The belief once these were seen too."""
        return self.model_copy(update={"successes": self.successes + successes, "failures": self.failures + failures})

    def faded(self, by: float) -> Self:
        """The belief with what was seen so far counting `by` as much, 0 to 1."""
        return self.model_copy(update={"successes": self.successes * by, "failures": self.failures * by})
