"""The kernel at its work in the mesh: traces in, tries in between, versions out."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

import structlog

from osiris_contracts import (
    Decision,
    GenerateRequest,
    KernelPlan,
    KernelQuestion,
    PlanRequest,
    Trace,
    streams,
)
from osiris_desk.market.csv_file import CsvError
from osiris_dgm import building, ticks
from osiris_dgm.archive.archive import Archive
from osiris_dgm.kernel import Draft, Exhausted, Kernel, outcome_of
from osiris_dgm.lesson import BARS, Lesson
from osiris_dgm.metrics import KernelMetrics
from osiris_dgm.owed import Owed
from osiris_dgm.promote import shadow
from osiris_dgm.proposers.diagnosis import diagnose
from osiris_dgm.proposers.hermes import rewritten
from osiris_dgm.sandbox.cell import Contained, SandboxIncomplete
from osiris_dgm.settings import DgmSettings
from osiris_dgm.traces import Traces
from osiris_dgm.verify.judge import Judge
from osiris_mesh import Misconfigured, Service

WORST = 5
LOOK_SECONDS = 30.0
"""Between two looks at the shadow and at changes that were made outside."""

_log = structlog.get_logger(__name__)


class Workshop:
    """Handlers and the loop of the service `dgm`; nothing is opened before there is something to do."""

    def __init__(self, service: Service, settings: DgmSettings) -> None:
        self._bus = service.bus
        self._settings = settings
        self._traces = Traces()
        self._wake = asyncio.Event()
        self._archive = Archive(settings.archive)
        self._promoter = building.promoter(settings, self._archive)
        self._owed = Owed(settings.kernel / "owed.json")
        self._opened: tuple[Judge, Kernel] | None = None
        self.generations = 0
        self.done = asyncio.Event()
        self._metrics = KernelMetrics(service.metrics.registry)

    # --- what comes in ------------------------------------------------------------------------------------------

    async def traces(self, batch: Sequence[Trace]) -> None:
        """Learn from traces, and owe a generation for every so many."""
        dropped = self._traces.dropped
        sound = self._traces.add(batch)
        self._metrics.dropped(self._traces.dropped - dropped)
        if not sound:
            return
        runs = [
            (trace.decision.policy_version, str(trace.decision.run_id), trace.outcome.return_pct) for trace in sound
        ]
        self._promoter.refresh()
        self._promoter.reward(runs, datetime.now(UTC))
        self._owed.add(len(sound))
        self._wake.set()

    async def decisions(self, batch: Sequence[Decision]) -> None:
        """Roll back a version whose code raises."""
        failed = [each for each in batch if each.status == "failed" and (each.error or "").startswith("policy:")]
        for decision in failed:
            self._promoter.refresh()
            self._promoter.fail(decision.policy_version, decision.error or "", datetime.now(UTC))
            self._wake.set()

    # --- what is done -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Try, promote and tell, whenever there is something to."""
        while True:
            if self._settings.kernel.exists():
                await self.turn()
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_SECONDS)

    async def turn(self) -> None:
        """One generation if one is owed; then whatever the promoter and those who listen wait for."""
        self._promoter.refresh()
        if self._owed.count >= self._settings.traces_per_generation:
            await self._generation()
            self._owed.clear()
        await self._promote()
        self._metrics.promotion(self._promoter.state)
        await self._tell()
        if self.generations:
            self.done.set()

    async def _generation(self) -> None:
        _, kernel = await self._open()
        self.generations += 1
        self._metrics.generation()
        try:
            draft = await self._draft(kernel)
            if draft is None:
                return
            record = await asyncio.to_thread(kernel.judge, draft)
        except Exhausted as error:
            _log.warning("nothing new to try", reason=str(error))
            return
        self._metrics.tried(record)
        _log.info("tried", version=record.version, change=record.change, failed_at=record.failed_at, why=record.why)

    async def _draft(self, kernel: Kernel) -> Draft | None:
        """What to judge; None where the planner advises against any try."""
        dice = kernel.dice()
        if dice.random() < self._settings.hermes_share and await self._bus.instances("hermes"):
            try:
                draft = await rewritten(kernel.archive, dice, diagnose(self._traces.worst(WORST)), self._ask_hermes)
            except Exception as error:  # whatever a model answers, or does not
                _log.info("no change from hermes", reason=str(error)[:300])
            else:
                return draft
        plan = await self._plan()
        if plan is None:
            return await asyncio.to_thread(kernel.mutated)
        lesson = Lesson.of(plan)
        if lesson is None:
            _log.info("nothing tried, as the planner advises", why=plan.why)
            return None
        return await asyncio.to_thread(kernel.taught, lesson, self._promoter.current())

    async def _ask_hermes(self, prompt: str) -> str:
        request = GenerateRequest(prompt=prompt, max_length=512)
        answer = await self._bus.ask(
            streams.HERMES_REQUESTS, request, timeout=self._settings.hermes_seconds, priority="batch"
        )
        return answer.text

    async def _plan(self) -> KernelPlan | None:
        """What the planner advises; None where it is not there."""
        if not self._settings.planner_seconds or not await self._bus.instances("azr_planner"):
            return None
        question = PlanRequest(kernel=KernelQuestion(bars=BARS))
        try:
            async with asyncio.timeout(self._settings.planner_seconds):
                async for reply in self._bus.replies_to(
                    streams.PLANNER_REQUESTS, question, timeout=self._settings.planner_seconds
                ):
                    if isinstance(reply, KernelPlan):
                        return reply
        except Exception as error:
            _log.info("no advice from the planner", reason=str(error)[:300])
        return None

    async def _promote(self) -> None:
        promoter, now = self._promoter, datetime.now(UTC)
        promoter.begin(now)
        state = promoter.state
        if state.stage != "shadow" or state.version is None or state.since is None:
            return
        bars = await ticks.since(self._bus.redis, self._settings.symbol, state.since)
        if bars is None or len(bars) < self._settings.shadow_bars:
            return
        judging, _ = await self._open()
        candidate = self._archive.record(state.version)
        code, parent = self._archive.code(candidate.version), self._archive.code(candidate.parents[0])
        objection = await asyncio.to_thread(shadow.objection, judging, code, parent, bars)
        if objection:
            promoter.roll_back(f"in the shadow: {objection}", now)
        else:
            promoter.passed_shadow(now)

    async def _tell(self) -> None:
        """Tell the planner of tries and the desk of versions; told again after a kill under the same id."""
        for record in self._archive.records():
            if record.task and record.number > self._owed.told:
                name = str(uuid5(NAMESPACE_URL, f"dgm:outcome:{record.version}"))
                await self._bus.publish(streams.DGM_OUTCOMES, outcome_of(record), id=name)
                self._owed.tell(record.number)
        for change in self._promoter.state.untold:
            name = str(uuid5(NAMESPACE_URL, f"dgm:{change.model_dump_json()}"))
            await self._bus.publish(streams.POLICY_VERSIONS, change, id=name)
            _log.warning("policy", stage=change.stage, version=change.version, reason=change.reason)
        self._promoter.told()

    async def _open(self) -> tuple[Judge, Kernel]:
        """The judge and the kernel, made when they are first needed: scoring the root takes a while."""
        if self._opened is None:
            self._opened = await asyncio.to_thread(_open, self._settings, self._archive)
        return self._opened


def _open(settings: DgmSettings, archive: Archive) -> tuple[Judge, Kernel]:
    try:
        judging = building.judge(settings)
        kernel = building.kernel(settings, archive, judging)
        kernel.open()
    except (SandboxIncomplete, Contained, CsvError, ValueError) as error:
        raise Misconfigured(str(error)) from error
    return judging, kernel
