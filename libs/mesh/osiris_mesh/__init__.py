"""The bus of the Osiris mesh: publish, ask, consume; at least once, effects once."""

from osiris_mesh.batches import BatchConsumer
from osiris_mesh.bus import Bus
from osiris_mesh.deadletter import DeadLetters
from osiris_mesh.delivery import Delivery
from osiris_mesh.envelope import Envelope, MalformedEnvelope
from osiris_mesh.errors import LeaseLost, Misconfigured, Refused
from osiris_mesh.ids import new_id, new_uuid
from osiris_mesh.metrics import Metrics
from osiris_mesh.pieces import Pieces
from osiris_mesh.sequencer import Sequencer
from osiris_mesh.service import Service
from osiris_mesh.settings import MeshSettings, shared

__all__ = [
    "BatchConsumer",
    "Bus",
    "DeadLetters",
    "Delivery",
    "Envelope",
    "LeaseLost",
    "MalformedEnvelope",
    "MeshSettings",
    "Metrics",
    "Misconfigured",
    "Pieces",
    "Refused",
    "Sequencer",
    "Service",
    "new_id",
    "new_uuid",
    "shared",
]
