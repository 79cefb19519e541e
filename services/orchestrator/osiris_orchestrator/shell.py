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
    Proposal,
    ProposalAssessed,
    ProposalCreated,
    ProposalOutcome,
    streams,
)
from osiris_mesh import Bus, MalformedEnvelope, Refused, Sequencer, tracing
from osiris_mesh import envelope as envelopes
from osiris_mesh.connection import BLOCK_MS
from osiris_mesh.entry_id import EntryId, parse_id
from osiris_mesh.errors import explain
from osiris_mesh.feed import last_ids
from osiris_mesh.ids import new_id
from osiris_mesh.proposals import announce_proposal
from osiris_mesh.scripts import Output
from osiris_mesh.tasks import end
from osiris_orchestrator.desk import Desk, ReportRefused, TickRefused
from osiris_orchestrator.metrics import DeskMetrics
from osiris_orchestrator.settings import OrchestratorSettings
from osiris_orchestrator.state import State
from osiris_orchestrator.steps import CritiqueRequest, RunRequest

TICKS_AT_ONCE = 200
REPORTS_AT_ONCE = 500
COMMANDS_AT_ONCE = 100
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
        names = (self._ticks, streams.MARKET_FILLS, streams.DESK_COMMANDS)
        self._sequencer = Sequencer(bus, NAME, names, settings.lease_seconds)
        self._desk = Desk(State.fresh(settings.policy), settings.policy)
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
                self._desk = Desk(State.from_json(saved), self._settings.policy)
            self._metrics.book(self._desk.state.book)
            _log.info("the desk is open", runs=self._desk.state.sequence, resumed=saved is not None)
            await self._decide_due()
            while True:
                block_ms = int(OBEY_SECONDS * 1000)
                entries = await self._sequencer.read(self._ticks, count=TICKS_AT_ONCE, block_ms=block_ms)
                await self._obey()
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
            tick = MarketTick.model_validate_json(envelopes.parse(entry[1]).data)
            await self._wait_for_reports(tick, parse_id(entry[0]))
            self._desk.on_tick(tick)
            self._outputs += [self._outcome(each) for each in self._desk.outcomes]
        except (MalformedEnvelope, ValidationError, TickRefused) as error:
            _log.error("tick put aside", entry_id=entry[0], reason=explain(error))
            self._outputs.append(self._sequencer.dead_letter(self._ticks, entry, explain(error)))
        self._positions[self._ticks] = entry[0]
        await self._decide_due()

    async def _wait_for_reports(self, tick: MarketTick, entry_id: EntryId) -> None:
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
        while run := self._desk.due():
            await self._decide(run)
            await self._commit()

    async def _decide(self, run: RunRequest) -> None:
        about = {"osiris__run": str(run.run_id), "osiris__symbol": run.symbol}
        with (
            structlog.contextvars.bound_contextvars(correlation_id=str(run.run_id)),
            tracing.span("decide", **about),
            self._metrics.stage("run"),
        ):
            with self._metrics.stage("proposal"):
                answer = await self._ask(streams.PHI3_REQUESTS, run.request, run.request_id, run.run_id)
            step = self._desk.decide_on(answer)
            if isinstance(answer, GenerateResult) and answer.proposal:
                verdict = step.verdict if isinstance(step, Decision) else GateVerdict(accepted=True)
                await self._announce(run, answer, answer.proposal, verdict)
            if isinstance(step, CritiqueRequest):
                streamed = step.request.model_copy(update={"stream": True})
                with self._metrics.stage("critique"):
                    critique = await self._ask(streams.HERMES_REQUESTS, streamed, step.request_id, run.run_id)
                step = self._desk.conclude(critique)
            self._send(run, step)
            self._metrics.decided(step)
            _log.info("decided", sequence=step.sequence, symbol=step.symbol, status=step.status, error=step.error)

    async def _ask(
        self, stream: str, request: GenerateRequest, request_id: UUID, run: UUID
    ) -> GenerateResult | ErrorReply:
        asked = self._bus.ask(
            stream,
            request,
            id=str(request_id),
            correlationid=str(run),
            timeout=self._settings.model_timeout_seconds,
        )
        asking = asyncio.create_task(asked)
        try:
            while not asking.done():
                await asyncio.wait({asking}, timeout=OBEY_SECONDS)
                await self._obey()
            return asking.result()
        except Refused as refusal:
            _log.warning("a model did not answer", stream=stream, code=refusal.code, reason=refusal.message)
            return refusal.reply()
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
            prompt=run.request.prompt or "",
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
                prompt=run.request.prompt or "",
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

    async def _commit(self) -> None:
        if self._ordered:  # looked at before, so that no bar behind the order is taken for one before it
            newest = parse_id((await last_ids(self._bus.redis, self._ticks))[self._ticks].decode())
            self._sent_behind.update(dict.fromkeys(self._ordered, newest))
            self._ordered = []
        await self._sequencer.commit(self._desk.state.to_json(), self._positions, self._outputs)
        self._metrics.book(self._desk.state.book)
        self._positions, self._outputs = {}, []
