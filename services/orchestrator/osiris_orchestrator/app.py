"""Wires the desk to the mesh, and its decisions to the table of runs."""

from collections.abc import Sequence

from osiris_contracts import Decision, streams
from osiris_mesh import BatchConsumer, Service
from osiris_orchestrator.rows import RUNS, run_row
from osiris_orchestrator.settings import OrchestratorSettings
from osiris_orchestrator.shell import NAME, Shell
from osiris_store import Table


def build(settings: OrchestratorSettings) -> Service:
    """The orchestrator service."""
    service = Service(NAME, settings, reply_stream=streams.ORCHESTRATOR_REPLIES)
    service.trims(settings.market_channel, streams.MARKET_FILLS, streams.ADVICE_GENERATED)
    service.background(Shell(service.bus, settings).run)

    async def record(decisions: Sequence[Decision]) -> None:
        table = await Table.open(settings.data / "lancedb", "runs", RUNS)
        await table.write([run_row(decision) for decision in decisions])

    recorder = BatchConsumer(
        service.bus,
        service.metrics,
        stream=streams.ADVICE_GENERATED,
        group="orchestrator.runs",
        contract=Decision,
        handler=record,
        lease_seconds=settings.lease_seconds,
        max_deliveries=settings.max_deliveries,
    )
    service.background(recorder.run)
    return service
