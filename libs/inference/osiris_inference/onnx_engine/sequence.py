"""One request in the batch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from osiris_contracts import Priority
from osiris_inference.onnx_engine.grammar import Grammar
from osiris_inference.onnx_engine.logprobs import LogProbabilities
from osiris_inference.onnx_engine.sampling import Sampler
from osiris_inference.onnx_engine.text import TextStream
from osiris_inference.protocol import Chunk, DrawnToken, EngineError, FinishReason, Usage

Emit = Callable[[Chunk | EngineError], None]


@dataclass(slots=True)
class Times:
    """When things happened to a request, `time.perf_counter` seconds; 0 before they did."""

    asked: float = field(default_factory=perf_counter)
    begun: float = 0.0
    first_token: float = 0.0


@dataclass(slots=True)
class Sequence:
    """What is known of one answer while it is written.

    Attributes:
        prompt: its tokens.
        limit: tokens to generate at most.
        end_tokens: tokens that end it.
        emit: hands a piece, or a failure, to whoever waits; called from the engine's thread.
        cached: tokens of the prompt that were known from earlier prompts.
        cancelled: set from outside; obeyed before the next step.
    """

    id: str
    prompt: list[int]
    limit: int
    end_tokens: frozenset[int]
    sampler: Sampler
    grammar: Grammar | None
    logprobs: LogProbabilities | None
    text: TextStream
    emit: Emit
    priority: Priority = "desk"
    adapter: str | None = None
    times: Times = field(default_factory=Times)
    cached: int = 0
    cancelled: bool = False
    generated: int = 0
    pending: list[int] = field(default_factory=list)
    """Tokens that the model has not seen yet: the last drawn, and those the grammar forces behind it."""
    _drawn: list[DrawnToken] = field(default_factory=list)
    _given: bool = False

    @property
    def tokens(self) -> int:
        """Of prompt and answer, at most."""
        return len(self.prompt) + self.limit

    def advance(self, logits: NDArray[np.float32]) -> bool:
        """Draw the next token, take those that must follow, give out what they complete; whether the answer goes on."""
        if self.grammar is not None:
            logits = self.grammar.constrain(logits)
        self.times.first_token = self.times.first_token or perf_counter()
        token = self.sampler.draw(logits)
        self.pending = [token]
        self._drawn = [self.logprobs.drawn(token, logits)] if self.logprobs else []
        if self.grammar is not None:
            self.grammar.accept(token)
            self._force(self.grammar.forced())
        piece = ""
        for taken, token in enumerate(self.pending):
            self.generated += 1
            if token in self.end_tokens:
                return self._end(piece, "stop", taken)
            piece += self.text.feed(token)
            if self.text.stopped:
                return self._end(piece, "stop", taken + 1)
            if self.generated >= self.limit:
                return self._end(piece, "length", taken + 1)
        if self.grammar is not None and self.grammar.finished:
            return self._end(piece, "stop", len(self.pending))
        if self.grammar is not None:
            self.grammar.look_ahead()
        if piece or self._drawn:
            self._give(Chunk(piece, usage=None if self._given else self._usage(), tokens=tuple(self._drawn)))
        return True

    def _force(self, tokens: list[int]) -> None:
        self.pending += tokens
        if self.logprobs is not None:
            self._drawn += map(self.logprobs.forced, tokens)

    def _end(self, piece: str, reason: FinishReason, taken: int) -> bool:
        rest = "" if self.text.stopped else self.text.flush()
        self._give(Chunk(piece + rest, reason, self._usage(), tuple(self._drawn[:taken])))
        return False

    def _give(self, chunk: Chunk) -> None:
        self._given = True
        self.emit(chunk)

    def _usage(self) -> Usage:
        return Usage(
            prompt_tokens=len(self.prompt),
            completion_tokens=self.generated,
            cached_tokens=self.cached,
            queue_seconds=self.times.begun - self.times.asked,
            first_token_seconds=self.times.first_token - self.times.asked,
            total_seconds=perf_counter() - self.times.asked,
        )
