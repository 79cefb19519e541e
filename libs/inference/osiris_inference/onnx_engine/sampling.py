"""Drawing the next token."""

import numpy as np
from numpy.typing import NDArray


class Sampler:
    """Draws tokens for one request; equal arguments and logits, equal tokens.

    Args:
        temperature: 0 takes the most likely token.
        top_p: nucleus sampling (Holtzman et al. 2020, section 3.1): the smallest set of most likely tokens whose
            probabilities add up to this.
        seed: of the draws.
    """

    def __init__(self, temperature: float, top_p: float, seed: int) -> None:
        self._temperature = temperature
        self._top_p = top_p
        self._random = np.random.default_rng(seed)

    def draw(self, logits: NDArray[np.float32]) -> int:
        """A token; what must not be drawn has a logit of -inf."""
        if self._temperature == 0:
            return int(logits.argmax())
        scaled = logits.astype(np.float64) / self._temperature
        weights = np.exp(scaled - scaled.max())
        if self._top_p < 1:
            weights = self._nucleus(weights)
        cumulated = np.cumsum(weights)
        drawn = np.searchsorted(cumulated, self._random.random() * cumulated[-1], side="right")
        # rounding can draw past the last token that has any weight
        return int(min(drawn, np.flatnonzero(weights)[-1]))

    def _nucleus(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        order = np.argsort(-weights, kind="stable")
        share = np.cumsum(weights[order]) / weights.sum()
        kept = order[: int(np.searchsorted(share, self._top_p)) + 1]
        nucleus = np.zeros_like(weights)
        nucleus[kept] = weights[kept]
        return nucleus
