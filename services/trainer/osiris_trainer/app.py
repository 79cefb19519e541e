"""Wires the proposal and feedback streams to the tables and logs."""

from osiris_contracts import Feedback, ProposalAssessed, ProposalCreated, streams
from osiris_mesh import Service
from osiris_trainer.recorder import Recorder
from osiris_trainer.settings import TrainerSettings


def build(settings: TrainerSettings) -> Service:
    """The trainer service; for now its recording half."""
    service = Service("trainer", settings)
    recorder = Recorder(logs=settings.data, tables=settings.tables)
    service.on_start(recorder.open)
    service.on_stop(recorder.close)
    service.consume_batches(streams.PROPOSAL_CREATED, ProposalCreated, recorder.proposals)
    service.consume_batches(streams.PROPOSAL_ASSESSED, ProposalAssessed, recorder.assessments)
    service.consume_batches(streams.FEEDBACK_SUBMITTED, Feedback, recorder.feedback)
    return service
