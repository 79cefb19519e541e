"""One request in the batch."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from osiris_inference.onnx_engine.grammar import Grammar
from osiris_inference.onnx_engine.sampling import Sampler
from osiris_inference.onnx_engine.text import TextStream
from osiris_inference.protocol import Chunk, EngineError, FinishReason, Usage

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
    cancelled: bool = False
    generated: int = 0
    token: int = field(default=-1)

    def advance(self, logits: NDArray[np.float32]) -> bool:
        """Draw the next token and give out what it completes; returns whether the answer goes on."""
        if self.grammar is not None:
            logits = self.grammar.constrain(logits)
        self.token = self.sampler.draw(logits)
        self.generated += 1
        if self.grammar is not None:
            self.grammar.accept(self.token)
        if self.token in self.end_tokens:
            return self._end("", "stop")
        piece = self.text.feed(self.token)
        if self.text.stopped or (self.grammar is not None and self.grammar.finished):
            return self._end(piece, "stop")
        if self.generated >= self.limit:
            return self._end(piece, "length")
        if piece:
            self.emit(Chunk(piece))
        return True

    def _end(self, piece: str, reason: FinishReason) -> bool:
        rest = "" if self.text.stopped else self.text.flush()
        self.emit(Chunk(piece + rest, reason, Usage(len(self.prompt), self.generated)))
        return False
