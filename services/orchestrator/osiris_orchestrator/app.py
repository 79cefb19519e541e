"""Wires the desk to the mesh, its decisions to the table of runs, and its assessments to the voice."""

from redis.exceptions import ResponseError

from osiris_contracts import Decision, ProposalAssessed, streams
from osiris_mesh import Service
from osiris_orchestrator.recorder import Recorder
from osiris_orchestrator.settings import OrchestratorSettings
from osiris_orchestrator.shell import NAME, Shell
from osiris_orchestrator.speech import GROUP as SPEECH_GROUP
from osiris_orchestrator.speech import Speech


def build(settings: OrchestratorSettings) -> Service:
    """The orchestrator service."""
    service = Service(NAME, settings, reply_stream=streams.ORCHESTRATOR_REPLIES)
    service.trims(settings.market_channel, streams.MARKET_FILLS, streams.DESK_COMMANDS, streams.DESK_STATUS)
    service.trims(streams.POLICY_VERSIONS, streams.POLICY_TRACES)
    service.background(Shell(service.bus, settings).run)
    recorder = Recorder(settings.tables)
    service.on_start(recorder.open)
    service.consume_batches(streams.ADVICE_GENERATED, Decision, recorder.decisions, group=f"{NAME}.runs")
    _wire_speech(service, settings)
    return service


def _wire_speech(service: Service, settings: OrchestratorSettings) -> None:
    if settings.speech:
        speech = Speech(service.bus, timeout_seconds=settings.speech_timeout_seconds)
        service.consume_batches(
            streams.PROPOSAL_ASSESSED, ProposalAssessed, speech.assessments, group=SPEECH_GROUP, linger_seconds=0
        )
        service.trims(streams.ASSESSMENT_SPOKEN)
        return

    @service.on_start
    async def leave() -> None:
        """A group that nobody reads for would hold up the trimming of the stream."""
        try:
            await service.bus.redis.xgroup_destroy(streams.PROPOSAL_ASSESSED, SPEECH_GROUP)
        except ResponseError:
            return  # nothing was assessed yet
