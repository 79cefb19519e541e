"""Asks hermes for a part written anew."""

import random
from collections.abc import Awaitable, Callable

from osiris_contracts import PatchTask, PolicyPart
from osiris_desk.policy.loading import FUNCTIONS
from osiris_dgm.archive.archive import Archive
from osiris_dgm.archive.record import Record
from osiris_dgm.kernel import Draft
from osiris_dgm.mutators.source import Source
from osiris_dgm.proposers.patch import apply

HERMES = "hermes"
ARTIFACTS = 3
"""Failed tries that a prompt tells of."""

PARTS: tuple[PolicyPart, ...] = ("entry", "exit", "size", "stop", "target")

Ask = Callable[[str], Awaitable[str]]


async def rewritten(archive: Archive, dice: random.Random, diagnosis: str, ask: Ask) -> Draft:
    """A draft by hermes.

    Args:
        ask: the model: a prompt in, its answer out.

    Raises:
        Unusable: its answer is no change.
    """
    parent, part = archive.draw_parent(dice), dice.choice(PARTS)
    code = archive.code(parent.version).decode()
    source = Source(code, part)
    changed = apply(code, source, await ask(prompt_for(source, archive.records(), diagnosis)))
    return Draft(changed.encode(), (parent.version,), PatchTask(part=part, kind="rewrite"), HERMES)


def prompt_for(source: Source, records: list[Record], diagnosis: str) -> str:
    """What hermes is told: the part with what it uses, what went wrong, what was tried in vain."""
    tried = [record for record in records if record.why and record.task and record.task.part == source.part]
    artifacts = "\n".join(
        f"- {record.made_by}: failed at {record.failed_at}: {record.why}" for record in tried[-ARTIFACTS:]
    )
    pieces = [
        f"Improve the function `{source.name}` of a trading policy, so that it earns more after fees.",
        f"The policy:\n```python\n{source.text()}```",
        f"What went wrong:\n{diagnosis}" if diagnosis else "",
        f"What was tried in vain:\n{artifacts}" if artifacts else "",
        f"Import nothing new. Keep {', '.join(FUNCTIONS)}. Answer with a unified diff, or with the whole function "
        f"`{source.name}`, in one ```python block.",
    ]
    return "\n\n".join(piece for piece in pieces if piece)
