"""Learns from the kernel's outcomes, in order; what was learned and how far it read are one commit.

One instance at a time learns. Every instance answers from what was committed last, so that all say the same, and a
crash between two commits loses nothing and counts nothing twice.
"""

import structlog
from pydantic import ValidationError

from osiris_azr_planner.kernel.memory import Memory
from osiris_contracts import DgmOutcome, streams
from osiris_mesh import Bus, MalformedEnvelope, Sequencer, envelope
from osiris_mesh.errors import explain
from osiris_mesh.scripts import Output

OUTCOMES_AT_ONCE = 200

_log = structlog.get_logger(__name__)


class Lessons:
    """What was learned, in Redis.

    Args:
        name: of the lease, the group and the saved state.
        half_life: outcomes after which a lesson counts half.
    """

    def __init__(self, bus: Bus, name: str, *, lease_seconds: float, half_life: float) -> None:
        self._bus = bus
        self._name = name
        self._half_life = half_life
        self._sequencer = Sequencer(bus, name, [streams.DGM_OUTCOMES], lease_seconds)

    async def memory(self) -> Memory:
        """What was learned so far, by whichever instance."""
        return Memory.from_json(await self._bus.redis.get(f"state:{self._name}"))

    async def run(self) -> None:
        """Learn, for ever.

        Raises:
            LeaseLost: another instance took over, or Redis was flushed.
        """
        async with self._sequencer.held() as saved:
            memory = Memory.from_json(saved)
            _log.info("learning from the kernel", outcomes=memory.outcomes)
            while True:
                entries = await self._sequencer.read(streams.DGM_OUTCOMES, count=OUTCOMES_AT_ONCE)
                put_aside: list[Output] = []
                for entry_id, fields in entries:
                    try:
                        told = envelope.parse(fields)
                        outcome = DgmOutcome.model_validate_json(told.data)
                        memory = memory.after(outcome, told.id or entry_id, self._half_life)
                    except (MalformedEnvelope, ValidationError) as error:
                        _log.error("outcome put aside", entry_id=entry_id, reason=explain(error))
                        entry = (entry_id, fields)
                        put_aside.append(self._sequencer.dead_letter(streams.DGM_OUTCOMES, entry, explain(error)))
                if entries:
                    position = {streams.DGM_OUTCOMES: entries[-1][0]}
                    await self._sequencer.commit(memory.to_json(), position, put_aside)
