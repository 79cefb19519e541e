"""Which examples a request is answered with: the fixed ones, and the owner's corrections before the prompt."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from osiris_contracts import Example, FewShot, GenerateRequest
from osiris_inference.conversation import conversation
from osiris_inference.proposing import EXAMPLES, MAX_TOKENS, SYSTEM_PROMPT
from osiris_inference.serving import ModelService
from osiris_phi3.corrections import fitting
from osiris_phi3.memory import Memory

Arm = Literal["off", "on"]

_LOOKED_AT = 4  # times as many as are wanted, for those that do not fit


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request is answered with, and what is told of it."""

    examples: tuple[Example, ...]
    few_shot: FewShot | None


def arm_of(mode: Literal["off", "on", "ab"], message_id: str) -> Arm:
    """The arm a request is in; of `ab` it follows from its message id alone, half and half."""
    if mode != "ab":
        return mode
    return "on" if hashlib.sha256(message_id.encode()).digest()[0] % 2 else "off"


class FewShots:
    """Chooses examples.

    Args:
        memory: of corrections; None when mode is off.
        mode: off, on, or ab.
        count: corrections a prompt at most.
        tokens: that they may take together.
    """

    def __init__(
        self, model: ModelService, memory: Memory | None, *, mode: Literal["off", "on", "ab"], count: int, tokens: int
    ) -> None:
        self._model = model
        self._memory = memory
        self._mode = mode
        self._count = count
        self._tokens = tokens

    async def shown(self, request: GenerateRequest, message_id: str) -> Shown:
        """What `request` is answered with; nothing of ours where it brings its own, or where it leaves no room.

        The fixed examples come first, the same for every prompt, so that their beginning is computed once.

        Raises:
            Refused: there is no model yet, or it takes no such conversation.
        """
        if request.raw or request.messages or request.examples:
            return Shown((), None)
        arm = arm_of(self._mode, message_id)
        spare = await self._room(request, EXAMPLES) - MAX_TOKENS
        if spare < 0:
            return Shown((), FewShot(arm=arm))
        if arm == "off" or self._memory is None:
            return Shown(EXAMPLES, FewShot(arm=arm))
        near = (await self._memory.nearest(request.prompt or ""))[: _LOOKED_AT * self._count]
        lengths = [spare + MAX_TOKENS - await self._room(request, (*EXAMPLES, each.example)) for each in near]
        chosen = fitting(list(zip(near, lengths, strict=True)), self._count, min(spare, self._tokens))
        examples = (*EXAMPLES, *(each.example for each in chosen))
        return Shown(examples, FewShot(arm=arm, corrections=tuple(each.id for each in chosen)))

    async def _room(self, request: GenerateRequest, examples: Sequence[Example]) -> int:
        return await self._model.room(conversation(request, system=SYSTEM_PROMPT, examples=examples))
