"""The desk's shell: feeds it bars and reports in order, asks the models for it, and commits what it decided.

State, position in the streams and everything a decision sends out are one commit. A crash in between loses nothing:
the next instance reads on from the last commit, asks with the same message ids, and gets the same answers.
"""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid5

import structlog
from pydantic import BaseModel, ValidationError

from osiris_contracts import (
    EXECUTION,
    Decision,
    DeskCommand,
    DeskStatus,
    ErrorReply,
    GateVerdict,
    GenerateRequest,
    GenerateResult,
    MarketTick,
    ModelId,
    PolicyVersion,
    Proposal,
    ProposalAssessed,
    ProposalCreated,
    ProposalOutcome,
    Trace,
    streams,
)
from osiris_desk.desk import Desk, ReportRefused, TickRefused
from osiris_desk.policy.store import PolicyStore
from osiris_desk.state import State
from osiris_desk.steps import CritiqueRequest, RunRequest
from osiris_desk.tick import Tick
from osiris_mesh import Bus, MalformedEnvelope, Sequencer, tracing
from osiris_mesh import envelope as envelopes
from osiris_mesh.connection import BLOCK_MS
from osiris_mesh.entry_id import EntryId, parse_id
from osiris_mesh.errors import explain
from osiris_mesh.feed import last_ids
from osiris_mesh.ids import new_id
from osiris_mesh.proposals import announce_proposal
from osiris_mesh.scripts import Output
from osiris_mesh.tasks import end
from osiris_orchestrator.metrics import DeskMetrics
from osiris_orchestrator.models import Models
from osiris_orchestrator.policies import InUse, in_use
from osiris_orchestrator.settings import OrchestratorSettings

TICKS_AT_ONCE = 200
REPORTS_AT_ONCE = 500
COMMANDS_AT_ONCE = 100
POLICIES_AT_ONCE = 100
OBEY_SECONDS = 0.25
"""The owner's commands are looked at so often, whatever the desk waits for."""
NAME = streams.DESK_GROUP

Entry = tuple[str, dict[bytes, bytes]]

_log = structlog.get_logger(__name__)


class Shell:
    """Drives one desk, for as long as this instance holds the lease."""

    def __init__(self, bus: Bus, settings: OrchestratorSettings, metrics: DeskMetrics) -> None:
        self._bus = bus
        self._metrics = metrics
        self._settings = settings
        self._ticks = settings.market_channel
        names = (self._ticks, streams.MARKET_FILLS, streams.DESK_COMMANDS, streams.POLICY_VERSIONS)
        self._sequencer = Sequencer(bus, NAME, names, settings.lease_seconds)
        self._models = Models(
            bus, timeout_seconds=settings.model_timeout_seconds, record=settings.record, replay=settings.replay
        )
        self._store = PolicyStore(settings.policies, settings.policy_key)
        policy, canary = in_use(self._store)
        self._desk = Desk(State.fresh(settings.rules, policy.version), settings.rules, policy, canary)
        self._positions: dict[str, str] = {}
        self._outputs: list[Output] = []
        self._given_up: set[UUID] = set()
        self._ordered: list[UUID] = []
        self._sent_behind: dict[UUID, EntryId] = {}

    async def run(self) -> None:
        """Work, for ever.

        Raises:
            LeaseLost: another instance took over, or Redis was flushed.
        """
        async with self._sequencer.held() as saved:
            if saved is not None:
                self._desk.state = State.from_json(saved)
            self._desk.use(*in_use(self._store))  # it may have waited long for the lease
            self._metrics.book(self._desk.state.book)
            self._metrics.policy(self._desk.policy.version)
            runs, version = self._desk.state.sequence, self._desk.policy.version
            _log.info("the desk is open", runs=runs, resumed=saved is not None, policy=version)
            await self._decide_due()
            while True:
                block_ms = int(OBEY_SECONDS * 1000)
                entries = await self._sequencer.read(self._ticks, count=TICKS_AT_ONCE, block_ms=block_ms)
                await self._obey()
                await self._look_at_policies()
                await self._take_reports()
                for entry in entries:
                    while self._desk.state.paused:
                        await self._obey(block_ms=BLOCK_MS)
                    await self._take(entry)
                if entries or self._positions:
                    await self._commit()

    async def _obey(self, block_ms: int | None = None) -> None:
        """Do what the owner said since, and tell that it is done."""
        entries = await self._sequencer.read(streams.DESK_COMMANDS, count=COMMANDS_AT_ONCE, block_ms=block_ms)
        for entry in entries:
            try:
                envelope = envelopes.parse(entry[1])
                command = DeskCommand.model_validate_json(envelope.data)
            except (MalformedEnvelope, ValidationError) as error:
                _log.error("command put aside", entry_id=entry[0], reason=str(error))
                self._outputs.append(self._sequencer.dead_letter(streams.DESK_COMMANDS, entry, str(error)))
            else:
                _log.warning("told to " + command.command, reason=command.reason)
                self._desk.obey(command.command)
                self._outputs.append(self._status(command, envelope.id or entry[0]))
            self._positions[streams.DESK_COMMANDS] = entry[0]
        if entries:
            await self._commit()

    async def _look_at_policies(self) -> None:
        """Let what the store points to decide from the next run on, when somebody told that it changed."""
        entries = await self._sequencer.read(streams.POLICY_VERSIONS, count=POLICIES_AT_ONCE, block_ms=None)
        for entry in entries:
            try:
                told = PolicyVersion.model_validate_json(envelopes.parse(entry[1]).data)
            except (MalformedEnvelope, ValidationError) as error:
                _log.error("policy version put aside", entry_id=entry[0], reason=explain(error))
                self._outputs.append(self._sequencer.dead_letter(streams.POLICY_VERSIONS, entry, explain(error)))
            else:
                _log.warning("told of a policy", version=told.version, stage=told.stage, reason=told.reason)
            self._positions[streams.POLICY_VERSIONS] = entry[0]
        if entries:
            found = in_use(self._store, InUse(self._desk.policy, self._desk.canary))
            self._desk.use(*found)
            self._metrics.policy(found.policy.version)
            canary = found.canary.version if found.canary else None
            _log.warning("policies in use", policy=found.policy.version, canary=canary)

    def _status(self, command: DeskCommand, command_id: str) -> Output:
        state = self._desk.state
        status = DeskStatus(
            paused=state.paused,
            orders_stopped=state.orders_stopped,
            command=command.command,
            command_id=command_id,
            reason=command.reason,
            changed_at=datetime.now(UTC),
        )
        return self._sequencer.output(streams.DESK_STATUS, status, id=new_id(), correlationid=command_id)

    async def _take(self, entry: Entry) -> None:
        """One bar, and the runs that come due with it."""
        try:
            tick = Tick.of(MarketTick.model_validate_json(envelopes.parse(entry[1]).data))
            await self._wait_for_reports(tick, parse_id(entry[0]))
            self._desk.on_tick(tick)
            self._outputs += [self._outcome(each) for each in self._desk.outcomes]
            self._outputs += [self._trace(each) for each in self._desk.traces]
        except (MalformedEnvelope, ValidationError, TickRefused) as error:
            _log.error("tick put aside", entry_id=entry[0], reason=explain(error))
            self._outputs.append(self._sequencer.dead_letter(self._ticks, entry, explain(error)))
        self._positions[self._ticks] = entry[0]
        await self._decide_due()

    async def _wait_for_reports(self, tick: Tick, entry_id: EntryId) -> None:
        """Wait until the venue answered what was sent before `tick` came; a replay decides alike only then.

        A bar that was there before the order brings no fill: the venue fills at the next it publishes.
        """
        give_up = asyncio.get_running_loop().time() + self._settings.fill_timeout_seconds
        late = {order for order, newest in self._sent_behind.items() if entry_id <= newest}
        while missing := self._desk.awaiting(tick) - self._given_up - late:
            if asyncio.get_running_loop().time() > give_up:
                _log.warning("no venue answers, going on without", orders=[str(order) for order in missing])
                self._given_up |= missing
                return
            await self._take_reports(block_ms=200)

    async def _take_reports(self, block_ms: int | None = None) -> None:
        """Hand the desk every report that is there."""
        while entries := await self._sequencer.read(streams.MARKET_FILLS, count=REPORTS_AT_ONCE, block_ms=block_ms):
            for entry in entries:
                try:
                    envelope = envelopes.parse(entry[1])
                    with tracing.process(streams.MARKET_FILLS, NAME, envelope):
                        report = EXECUTION.validate_json(envelope.data)
                        self._desk.on_execution(report)
                        self._sent_behind.pop(report.order_id, None)
                except (MalformedEnvelope, ValidationError, ReportRefused) as error:
                    _log.error("report put aside", entry_id=entry[0], reason=explain(error))
                    self._outputs.append(self._sequencer.dead_letter(streams.MARKET_FILLS, entry, explain(error)))
                self._positions[streams.MARKET_FILLS] = entry[0]
            block_ms = None

    async def _decide_due(self) -> None:
        while self._desk.due() is not None:
            await self._look_at_policies()
            await self._decide_next()
            await self._commit()

    async def _decide_next(self) -> None:
        if (run := self._desk.due()) is None:
            return
        about = {"osiris__run": str(run.run_id), "osiris__symbol": run.symbol}
        with (
            structlog.contextvars.bound_contextvars(correlation_id=str(run.run_id)),
            tracing.span("decide", **about),
            self._metrics.stage("run"),
        ):
            answer = await self._proposal(run)
            step = self._desk.decide_on(answer)
            if isinstance(answer, GenerateResult) and answer.proposal:
                verdict = step.verdict if isinstance(step, Decision) else GateVerdict(accepted=True)
                await self._announce(run, answer, answer.proposal, verdict)
            if isinstance(step, CritiqueRequest):
                streamed = step.request.model_copy(update={"stream": True})
                with self._metrics.stage("critique"):
                    critique = await self._ask("hermes", streamed, step.request_id, run.run_id)
                step = self._desk.conclude(critique)
            self._send(run, step)
            self._metrics.decided(step)
            _log.info("decided", sequence=step.sequence, symbol=step.symbol, status=step.status, error=step.error)

    async def _proposal(self, run: RunRequest) -> GenerateResult | ErrorReply | None:
        """phi3's answer; None when the policy decides alone."""
        if run.request is None:
            return None
        with self._metrics.stage("proposal"):
            return await self._ask("phi3", run.request, run.request_id, run.run_id)

    async def _ask(
        self, model: ModelId, request: GenerateRequest, request_id: UUID, run: UUID
    ) -> GenerateResult | ErrorReply:
        """Ask a model, and do meanwhile what the owner says."""
        asking = asyncio.create_task(self._models.ask(model, request, request_id, run))
        try:
            while not asking.done():
                await asyncio.wait({asking}, timeout=OBEY_SECONDS)
                await self._obey()
            return asking.result()
        finally:
            await end(asking)

    async def _announce(
        self, run: RunRequest, answer: GenerateResult, proposal: Proposal, verdict: GateVerdict | None
    ) -> None:
        """Tell of a proposal while its critique is still to come; after a crash it is told again, under the same id."""
        created = ProposalCreated(
            transaction_id=run.run_id,
            created_at=datetime.now(UTC),
            origin="orchestrator",
            prompt=_prompt(run),
            proposal=proposal,
            model_version=answer.model_version,
            few_shot=answer.few_shot,
            bars=run.bars,
            verdict=verdict,
        )
        await announce_proposal(self._bus, created, id=str(uuid5(run.run_id, "created")))

    def _send(self, run: RunRequest, decision: Decision) -> None:
        """Put what a decision sends out into the next commit."""

        def send(stream: str, message: BaseModel, name: str) -> None:
            self._outputs.append(
                self._sequencer.output(stream, message, id=str(uuid5(run.run_id, name)), correlationid=str(run.run_id))
            )

        if decision.critique and decision.proposal:
            assessed = ProposalAssessed(
                transaction_id=run.run_id,
                assessed_at=datetime.now(UTC),
                origin="orchestrator",
                prompt=_prompt(run),
                proposal=decision.proposal,
                assessment=decision.critique.text,
                score=decision.critique.score,
                model_version=decision.critique.model_version,
            )
            send(streams.PROPOSAL_ASSESSED, assessed, "assessed")
        send(streams.ADVICE_GENERATED, decision, "decision")
        if decision.order:
            send(streams.MARKET_ORDERS, decision.order, "order")
            self._ordered.append(decision.order.order_id)

    def _outcome(self, outcome: ProposalOutcome) -> Output:
        run = outcome.transaction_id
        return self._sequencer.output(
            streams.OUTCOME_OBSERVED, outcome, id=str(uuid5(run, "outcome")), correlationid=str(run)
        )

    def _trace(self, trace: Trace) -> Output:
        run = trace.decision.run_id
        return self._sequencer.output(streams.POLICY_TRACES, trace, id=str(uuid5(run, "trace")), correlationid=str(run))

    async def _commit(self) -> None:
        if self._ordered:  # looked at before, so that no bar behind the order is taken for one before it
            newest = parse_id((await last_ids(self._bus.redis, self._ticks))[self._ticks].decode())
            self._sent_behind.update(dict.fromkeys(self._ordered, newest))
            self._ordered = []
        await self._sequencer.commit(self._desk.state.to_json(), self._positions, self._outputs)
        self._metrics.book(self._desk.state.book)
        self._positions, self._outputs = {}, []


def _prompt(run: RunRequest) -> str:
    """What phi3 was asked; empty when the policy decided alone."""
    return (run.request.prompt or "") if run.request else ""
