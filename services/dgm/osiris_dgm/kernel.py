"""One generation: a parent, a change, a verdict, and a record that stays. No Redis, no clock; equal seeds, equal tries.

A generation is written with one rename. Killed before it, the generation is done again, from the same dice.
"""

import random
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from osiris_contracts import DgmOutcome, PatchTask
from osiris_contracts.kernel import CHANGES
from osiris_desk.policy.manifest import version_of
from osiris_dgm.archive.archive import Archive
from osiris_dgm.archive.record import Record
from osiris_dgm.lesson import CHOICES, EPISODES, Lesson
from osiris_dgm.mutators import NotApplicable, mutate
from osiris_dgm.verify.judge import RAN, STAGES, Judge

BY_HAND = tuple(change for change in CHANGES if change[1] != "rewrite" and change[0] != "prompt")
"""What the mutators do; prompts are rewritten by a model."""

TRIES = 50
"""Changes drawn until enough of them give a version that is new."""

MUTATORS = "mutators"


class Exhausted(RuntimeError):
    """Nothing new was found."""


class Draft(NamedTuple):
    """A candidate before its verdict.

    Attributes:
        code: of its `policy.py`.
        parents: what it was made from; the first is its parent.
        task: what was changed, and how.
        made_by: the proposer.
        episodes, wins: how often today's policy was tried on the task's scenario, and ended with a gain.
    """

    code: bytes
    parents: tuple[str, ...]
    task: PatchTask
    made_by: str
    episodes: int = 0
    wins: int = 0


class Kernel:
    """The archive and its judge.

    Args:
        archive: of every try.
        judge: of candidates.
        root: code that the first ones are made from.
        seed: of every draw.
        step: told before each step that leaves a trace; tests end the process there.
    """

    def __init__(
        self,
        archive: Archive,
        judge: Judge,
        root: bytes,
        seed: int = 0,
        step: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.archive = archive
        self._judge = judge
        self._root = root
        self._seed = seed
        self._step = step

    def open(self) -> None:
        """Clear what a killed kernel left, and score the root.

        Raises:
            SandboxIncomplete: no candidate runs here.
            Unfit, Contained: the root is no policy that can be judged.
        """
        self.archive.clean()
        version = version_of(self._root)
        if version in self.archive:
            return
        self._step("root")
        verdict = self._judge.root(self._root)
        record = Record(
            number=len(self.archive), version=version, made_by="root", passed=verdict.passed, score=verdict.score
        )
        self.archive.add(self._root, record)

    def generation(self) -> Record:
        """Draw a parent, change it with the mutators, judge and keep what comes of it."""
        return self.judge(self.mutated())

    def dice(self) -> random.Random:
        """Of this generation; the same ones until it is in the archive."""
        return random.Random(f"{self._seed}:{len(self.archive)}")  # noqa: S311 - no secret

    def mutated(self) -> Draft:
        """A new version by the mutators' hand.

        Raises:
            Exhausted: they found none.
        """
        return self._some(1)[0]

    def taught(self, lesson: Lesson, today: str) -> Draft:
        """Of some new versions by the mutators' hand the one that earns most on the lesson's market.

        The market is a synthetic one, so that nobody has seen the bars that prove anything.

        Args:
            today: the version that decides; the root stands for one that is not in the archive.

        Raises:
            Exhausted: they found none.
        """
        if lesson.bars is None:
            return self._some(1, lesson.task)[0]
        code = self.archive.code(today) if today in self.archive else self._root
        wins = lesson.wins(code, self._judge.earned)
        drafts = self._some(CHOICES, lesson.task)
        best = drafts[lesson.best([draft.code for draft in drafts], self._judge.earned)]
        task = best.task.model_copy(update={"scenario": lesson.task.scenario})
        return best._replace(task=task, episodes=EPISODES, wins=wins)

    def _some(self, count: int, task: PatchTask | None = None) -> list[Draft]:
        found = list(islice(self._new(task), count))
        if not found:
            raise Exhausted(f"expected a new version within {TRIES} changes, all were tried before")
        return found

    def _new(self, task: PatchTask | None) -> Iterator[Draft]:
        """New versions, no two alike, by the task where it can be done by hand, else by any."""
        dice, known = self.dice(), set[str]()
        for number in range(TRIES):
            parent, other = self.archive.draw_parent(dice), self.archive.draw_parent(dice)
            wanted = task if task and number < TRIES // 2 and (task.part, task.kind) in BY_HAND else None
            part, kind = (wanted.part, wanted.kind) if wanted else dice.choice(BY_HAND)
            text, donor = self.archive.code(parent.version).decode(), self.archive.code(other.version).decode()
            try:
                code = mutate(text, part, kind, dice, donor).encode()
            except NotApplicable:
                continue
            if (version := version_of(code)) in self.archive or version in known:
                continue
            known.add(version)
            parents = (parent.version, other.version) if kind == "crossover" else (parent.version,)
            yield Draft(code, parents, PatchTask(part=part, kind=kind), MUTATORS)

    def judge(self, draft: Draft) -> Record:
        """Judge a draft against its parent and keep it, whatever comes of it."""
        version = version_of(draft.code)
        if version in self.archive:
            return self.archive.record(version)
        self._step("judge")
        verdict = self._judge.judge(
            draft.code, self.archive.code(draft.parents[0]), self.archive.trial_scores(), self.trials()
        )
        self._step("keep")
        record = Record(
            number=len(self.archive),
            version=version,
            parents=draft.parents,
            task=draft.task,
            made_by=draft.made_by,
            passed=verdict.passed,
            failed_at=verdict.failed_at,
            why=verdict.why,
            score=verdict.score,
            proof=verdict.proof,
            episodes=draft.episodes,
            wins=draft.wins,
        )
        self.archive.add(draft.code, record)
        self._step("kept")
        return record

    def trials(self) -> int:
        """Versions that were ever traded with, the root among them."""
        return sum(RAN in record.passed for record in self.archive.records())


def outcome_of(record: Record) -> DgmOutcome:
    """What the planner is told of a try."""
    if record.task is None:
        raise ValueError("expected a version that was tried, was the root")
    return DgmOutcome(
        candidate=record.version,
        parent=record.parents[0],
        part=record.task.part,
        kind=record.task.kind,
        accepted=record.accepted,
        reward=len(record.passed) / len(STAGES),
        failed_at=record.failed_at,
        gain=record.proof.gain if record.proof else None,
        scenario=record.task.scenario if record.episodes else None,
        episodes=record.episodes,
        wins=record.wins,
    )
