"""JSON schemas and grammars that mask what the model may write next (llguidance)."""

import json
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import lru_cache

import llguidance
import llguidance.numpy
import numpy as np
from numpy.typing import NDArray

from osiris_inference.protocol import GenerationRequest, InvalidGrammar

_CACHED = 256


class Grammar:
    """How far one answer has come in its grammar."""

    def __init__(self, matcher: llguidance.LLMatcher, vocabulary: int, masks: Executor, *, forces: bool) -> None:
        self._matcher = matcher
        self._masks = masks
        self._allowed: Future[NDArray[np.bool_]] | None = None
        self._forces = forces
        self._vocabulary = vocabulary
        self._mask = llguidance.numpy.allocate_token_bitmask(1, vocabulary)

    def constrain(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """The logits, with -inf where the grammar does not allow the token."""
        allowed = self._allowed.result() if self._allowed else self._compute()
        return np.where(allowed, logits, np.float32(-np.inf))

    def look_ahead(self) -> None:
        """Begin to compute what is allowed next, while the model runs; nothing is accepted before `constrain`."""
        self._allowed = self._masks.submit(self._compute)

    def accept(self, token: int) -> None:
        """Go on by a token that was allowed."""
        self._allowed = None
        self._matcher.consume_token(token)

    def forced(self) -> list[int]:
        """Go on by every token that is the only one allowed next, such as those of a field's name; returns them."""
        tokens: list[int] = self._matcher.compute_ff_tokens() if self._forces else []
        if tokens:
            self._matcher.consume_tokens(tokens)
        return tokens

    @property
    def finished(self) -> bool:
        """Whether the answer is complete and nothing may follow."""
        return bool(self._matcher.is_stopped())

    def _compute(self) -> NDArray[np.bool_]:
        llguidance.numpy.fill_next_token_bitmask(self._matcher, self._mask, 0)
        bits = np.unpackbits(self._mask[0].view(np.uint8), bitorder="little")
        return bits[: self._vocabulary].view(np.bool_)


class Grammars:
    """Makes grammars for one tokenizer.

    Args:
        tokenizer: `tokenizer.json` as text.
        end_token: what ends an answer.
        forces: whether grammars tell the tokens that must follow.
    """

    def __init__(self, tokenizer: str, vocabulary: int, end_token: int, *, forces: bool) -> None:
        self._vocabulary = vocabulary
        self._forces = forces
        self._tokenizer = llguidance.LLTokenizer(tokenizer, n_vocab=vocabulary, eos_token=end_token)
        self._masks = ThreadPoolExecutor(1, thread_name_prefix="masks")
        self._compiled = lru_cache(maxsize=_CACHED)(self._compile)

    def of(self, request: GenerationRequest) -> Grammar | None:
        """The grammar of a request, at its start; None when it asks for none.

        Raises:
            InvalidGrammar: it asks for something that is not supported, or is no grammar.
        """
        if request.json_schema is not None:
            compiled = self._compiled(json.dumps(request.json_schema), _from_schema)
        elif request.grammar is not None:
            compiled = self._compiled(request.grammar, llguidance.LLMatcher.grammar_from_lark)
        else:
            return None
        matcher = llguidance.LLMatcher(self._tokenizer, compiled)
        grammar = Grammar(matcher, self._vocabulary, self._masks, forces=self._forces)
        grammar.look_ahead()
        return grammar

    def text_of(self, token: int) -> bytes:
        """A token in UTF-8, which may be half a character."""
        text: bytes = self._tokenizer.decode_bytes([token])
        return text

    def _compile(self, source: str, read: Callable[[str], str]) -> str:
        try:
            grammar = read(source)
        except ValueError as error:
            raise InvalidGrammar(f"expected a JSON schema or a grammar, got {source[:200]}: {error}") from error
        if reason := llguidance.LLMatcher.validate_grammar(grammar, self._tokenizer):
            raise InvalidGrammar(
                f"expected a JSON schema or a grammar that can be followed, got {source[:200]}: {reason}"
            )
        return grammar


def _from_schema(schema: str) -> str:
    # a weak model would write white space for ever
    grammar: str = llguidance.LLMatcher.grammar_from_json_schema(schema, overrides={"whitespace_flexible": False})
    return grammar
