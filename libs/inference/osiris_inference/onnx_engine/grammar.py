"""JSON schemas as grammars that mask what the model may write next (llguidance)."""

import json
from functools import lru_cache
from typing import Any

import llguidance
import llguidance.numpy
import numpy as np
from numpy.typing import NDArray

from osiris_inference.protocol import InvalidGrammar

_CACHED = 256


class Grammar:
    """How far one answer has come in its grammar."""

    def __init__(self, matcher: llguidance.LLMatcher, vocabulary: int, *, forces: bool) -> None:
        self._matcher = matcher
        self._forces = forces
        self._vocabulary = vocabulary
        self._mask = llguidance.numpy.allocate_token_bitmask(1, vocabulary)

    def constrain(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """The logits, with -inf where the grammar does not allow the token."""
        llguidance.numpy.fill_next_token_bitmask(self._matcher, self._mask, 0)
        allowed = np.unpackbits(self._mask[0].view(np.uint8), bitorder="little")[: self._vocabulary].astype(bool)
        return np.where(allowed, logits, -np.inf)

    def accept(self, token: int) -> None:
        """Go on by a token that was allowed."""
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
        self._compiled = lru_cache(maxsize=_CACHED)(self._compile)

    def of(self, schema: dict[str, Any]) -> Grammar:
        """A grammar at its start.

        Raises:
            InvalidGrammar: the schema asks for something that is not supported, or is no schema.
        """
        matcher = llguidance.LLMatcher(self._tokenizer, self._compiled(json.dumps(schema)))
        return Grammar(matcher, self._vocabulary, forces=self._forces)

    def _compile(self, schema: str) -> str:
        try:
            # a weak model would write white space for ever
            grammar = llguidance.LLMatcher.grammar_from_json_schema(schema, overrides={"whitespace_flexible": False})
        except ValueError as error:
            raise InvalidGrammar(f"expected a JSON schema, got {schema[:200]}: {error}") from error
        if reason := llguidance.LLMatcher.validate_grammar(grammar, self._tokenizer):
            raise InvalidGrammar(f"expected a JSON schema that can be followed, got {schema[:200]}: {reason}")
        return str(grammar)
