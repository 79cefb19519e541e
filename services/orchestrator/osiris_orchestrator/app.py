"""Wires the desk to the mesh, and its decisions to the table of runs."""

from osiris_contracts import Decision, streams
from osiris_mesh import Service
from osiris_orchestrator.recorder import Recorder
from osiris_orchestrator.settings import OrchestratorSettings
from osiris_orchestrator.shell import NAME, Shell


def build(settings: OrchestratorSettings) -> Service:
    """The orchestrator service."""
    service = Service(NAME, settings, reply_stream=streams.ORCHESTRATOR_REPLIES)
    service.trims(settings.market_channel, streams.MARKET_FILLS, streams.DESK_COMMANDS, streams.DESK_STATUS)
    service.background(Shell(service.bus, settings).run)
    recorder = Recorder(settings.tables)
    service.on_start(recorder.open)
    service.consume_batches(streams.ADVICE_GENERATED, Decision, recorder.decisions, group=f"{NAME}.runs")
    return service
