"""How likely the tokens of an answer were."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from osiris_inference.protocol import DrawnToken, LikelyToken


class LogProbabilities:
    """Tells of one answer's tokens how likely they were, under the grammar and before temperature.

    Args:
        text_of: a token in UTF-8.
        top: how many likely tokens to tell beside the one that was drawn.
    """

    def __init__(self, text_of: Callable[[int], bytes], top: int) -> None:
        self._text_of = text_of
        self._top = top

    def drawn(self, token: int, logits: NDArray[np.float32]) -> DrawnToken:
        """Of a token drawn from `logits`, shape (vocabulary,); what was not allowed is -inf."""
        highest = logits.max()
        logprobs = np.minimum(logits - highest - np.log(np.exp(logits - highest, dtype=np.float64).sum()), 0)
        likely = np.argpartition(-logprobs, self._top)[: self._top]
        likely = likely[np.argsort(-logprobs[likely], kind="stable")]
        allowed = [int(each) for each in likely if np.isfinite(logprobs[each])]
        top = tuple(LikelyToken(self._text_of(each), float(logprobs[each])) for each in allowed)
        return DrawnToken(self._text_of(token), float(logprobs[token]), top)

    def forced(self, token: int) -> DrawnToken:
        """Of a token that was the only one allowed."""
        text = self._text_of(token)
        return DrawnToken(text, 0.0, (LikelyToken(text, 0.0),) if self._top else ())
