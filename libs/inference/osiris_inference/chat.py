"""Conversations as the model was trained to see them."""

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from osiris_inference.protocol import InvalidPrompt, Message


class ChatTemplate:
    """A model's own template, rendered in a sandbox: it comes with the weights, from whoever made them.

    Args:
        begin, end: texts of the tokens that begin and end a text; templates may write them.
    """

    def __init__(self, source: str, begin: str = "", end: str = "") -> None:
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _refuse
        self._tokens = {"bos_token": begin, "eos_token": end}
        self._template = environment.from_string(source)

    def render(self, messages: Sequence[Message]) -> str:
        """The prompt that asks for the next turn.

        Raises:
            InvalidPrompt: the template refuses these messages.
        """
        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            return self._template.render(messages=turns, add_generation_prompt=True, **self._tokens)
        except TemplateError as error:
            raise InvalidPrompt(f"expected turns that the model's chat template takes: {error}") from error


def _refuse(reason: str) -> Any:
    raise TemplateError(reason)
