"""Conversations as the model was trained to see them."""

from collections.abc import Sequence
from typing import Any

from jinja2.sandbox import ImmutableSandboxedEnvironment

from osiris_inference.protocol import Message


class ChatTemplate:
    """A model's own template, rendered in a sandbox: it comes with the weights, from whoever made them."""

    def __init__(self, source: str) -> None:
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _refuse
        self._template = environment.from_string(source)

    def render(self, messages: Sequence[Message]) -> str:
        """The prompt that asks for the next turn.

        Raises:
            ValueError: the template refuses these messages.
        """
        turns = [{"role": message.role, "content": message.content} for message in messages]
        return self._template.render(messages=turns, add_generation_prompt=True, bos_token="", eos_token="")


def _refuse(reason: str) -> Any:
    raise ValueError(f"the chat template refuses the messages: {reason}")
