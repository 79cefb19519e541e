"""Wires traces and decisions to the workshop."""

from osiris_contracts import Decision, Trace, streams
from osiris_dgm.settings import DgmSettings
from osiris_dgm.workshop import Workshop
from osiris_mesh import Service

NAME = "dgm"


def build(settings: DgmSettings) -> Service:
    """The Darwin-Goedel kernel as a service."""
    return with_workshop(settings)[0]


def with_workshop(settings: DgmSettings) -> tuple[Service, Workshop]:
    """The service, and what works in it."""
    service = Service(NAME, settings)
    workshop = Workshop(service, settings)
    service.consume_batches(streams.POLICY_TRACES, Trace, workshop.traces)
    service.consume_batches(streams.ADVICE_GENERATED, Decision, workshop.decisions)
    service.background(workshop.run)
    service.trims(streams.DGM_OUTCOMES, streams.POLICY_VERSIONS)
    return service, workshop
