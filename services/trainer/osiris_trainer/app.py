"""Wires the proposal and feedback streams to the tables and logs."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from osiris_contracts import Contract, Feedback, ProposalAssessed, ProposalCreated, streams
from osiris_mesh import BatchConsumer, Service
from osiris_trainer.recorder import Recorder
from osiris_trainer.settings import TrainerSettings


def build(settings: TrainerSettings) -> Service:
    """The trainer service; for now its recording half."""
    service = Service("trainer", settings)
    recorder = Recorder(settings.data)
    service.on_start(recorder.open)
    service.on_stop(recorder.close)

    def record(stream: str, contract: type[Contract], handler: Callable[[Sequence[Any]], Awaitable[None]]) -> None:
        consumer = BatchConsumer(
            service.bus,
            service.metrics,
            stream=stream,
            group=service.name,
            contract=contract,
            handler=handler,
            lease_seconds=settings.lease_seconds,
            max_deliveries=settings.max_deliveries,
        )
        service.background(consumer.run)
        service.trims(stream)

    record(streams.PROPOSAL_CREATED, ProposalCreated, recorder.proposals)
    record(streams.PROPOSAL_ASSESSED, ProposalAssessed, recorder.assessments)
    record(streams.FEEDBACK_SUBMITTED, Feedback, recorder.feedback)
    return service
