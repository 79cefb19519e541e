"""One request in the batch."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from osiris_inference.onnx_engine.grammar import Grammar
from osiris_inference.onnx_engine.sampling import Sampler
from osiris_inference.onnx_engine.text import TextStream
from osiris_inference.protocol import Chunk, EngineError, FinishReason, Priority, Usage

Emit = Callable[[Chunk | EngineError], None]


@dataclass(slots=True)
class Sequence:
    """What is known of one answer while it is written.

    Attributes:
        prompt: its tokens.
        limit: tokens to generate at most.
        end_tokens: tokens that end it.
        emit: hands a piece, or a failure, to whoever waits; called from the engine's thread.
        cancelled: set from outside; obeyed before the next step.
    """

    id: str
    prompt: list[int]
    limit: int
    end_tokens: frozenset[int]
    sampler: Sampler
    grammar: Grammar | None
    text: TextStream
    emit: Emit
    priority: Priority = "desk"
    cancelled: bool = False
    generated: int = 0
    pending: list[int] = field(default_factory=list)
    """Tokens that the model has not seen yet: the last drawn, and those the grammar forces behind it."""

    def advance(self, logits: NDArray[np.float32]) -> bool:
        """Draw the next token, take those that must follow, give out what they complete; whether the answer goes on."""
        if self.grammar is not None:
            logits = self.grammar.constrain(logits)
        token = self.sampler.draw(logits)
        self.pending = [token]
        if self.grammar is not None:
            self.grammar.accept(token)
            self.pending += self.grammar.forced()
        piece = ""
        for token in self.pending:
            self.generated += 1
            if token in self.end_tokens:
                return self._end(piece, "stop")
            piece += self.text.feed(token)
            if self.text.stopped:
                return self._end(piece, "stop")
            if self.generated >= self.limit:
                return self._end(piece, "length")
        if self.grammar is not None and self.grammar.finished:
            return self._end(piece, "stop")
        if piece:
            self.emit(Chunk(piece))
        return True

    def _end(self, piece: str, reason: FinishReason) -> bool:
        rest = "" if self.text.stopped else self.text.flush()
        self.emit(Chunk(piece + rest, reason, Usage(len(self.prompt), self.generated)))
        return False
