"""Wires the proposal, feedback and outcome streams to the tables and logs, and what the nights left to the metrics."""

from datetime import UTC, datetime, timedelta
from functools import partial

from osiris_contracts import Feedback, ProposalAssessed, ProposalCreated, ProposalOutcome, streams
from osiris_mesh import Service
from osiris_trainer.metrics import NightMetrics, keep_observing
from osiris_trainer.recorder import Recorder
from osiris_trainer.settings import TrainerSettings


def build(settings: TrainerSettings) -> Service:
    """The trainer's half that runs all day."""
    service = Service("trainer", settings)
    now = partial(datetime.now, UTC)
    recorder = Recorder(
        assessment_log=settings.assessment_log,
        feedback_log=settings.feedback_log,
        tables=settings.tables,
        now=now,
        keep=timedelta(days=settings.versions_days),
        compact_seconds=60 * settings.compact_minutes,
    )
    service.on_start(recorder.open)
    service.on_stop(recorder.close)
    service.background(recorder.keep_compacting)
    service.background(partial(keep_observing, NightMetrics(service.metrics.registry), settings.tables, now))
    service.consume_batches(streams.PROPOSAL_CREATED, ProposalCreated, recorder.proposals)
    service.consume_batches(streams.PROPOSAL_ASSESSED, ProposalAssessed, recorder.assessments)
    service.consume_batches(streams.FEEDBACK_SUBMITTED, Feedback, recorder.feedback)
    service.consume_batches(streams.OUTCOME_OBSERVED, ProposalOutcome, recorder.outcomes)
    return service
