"""An example as tokens, exactly those phi3 reads and writes when it is served."""

from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from osiris_contracts import Proposal
from osiris_inference.chat import ChatTemplate
from osiris_inference.manifest import CHAT_TEMPLATE, TOKENIZER
from osiris_inference.proposing import proposal_request, written
from osiris_trainer.night import base

Tokens = list[int]


@dataclass(frozen=True, slots=True)
class Rendering:
    """How a model reads and writes.

    Attributes:
        end: the token that ends an answer.
    """

    tokenizer: Tokenizer
    template: ChatTemplate
    end: int

    @classmethod
    def of(cls, folder: Path) -> "Rendering":
        """Of a folder that `base.unpack` wrote."""
        template = ChatTemplate((folder / CHAT_TEMPLATE).read_text(encoding="utf-8"))
        return cls(Tokenizer.from_file(str(folder / TOKENIZER)), template, base.end_token(folder))

    def prompt(self, situation: str) -> Tokens:
        """All before the answer: the system's words, the fixed examples, the situation."""
        messages = proposal_request("", situation, None).prompt
        if isinstance(messages, str):
            raise TypeError("expected turns, was a raw prompt")
        return self._tokens(self.template.render(messages))

    def answer(self, proposal: Proposal) -> Tokens:
        """The answer, and the token that ends it."""
        return [*self._tokens(written(proposal)), self.end]

    def _tokens(self, text: str) -> Tokens:
        ids: Tokens = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def shared_beginning(prompts: list[Tokens]) -> int:
    """How many tokens all prompts begin with alike; at least one of each is left over."""
    if not prompts:
        return 0
    low, high = min(prompts), max(prompts)
    alike = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return max(0, min(alike, *(len(prompt) - 1 for prompt in prompts)))
