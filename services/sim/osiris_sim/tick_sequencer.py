"""A sequencer that commits ticks by the hundred.

An entry of five fields is thirteen arguments of the mesh's own commit, and packing arguments is what a replay at full
speed would spend its time on. Here all ticks are one argument: nothing in a tick's id, time or JSON is white space.
"""

from collections.abc import Sequence

from osiris_desk.market.ticks import TickMessage
from osiris_mesh import Sequencer
from osiris_mesh.scripts import NEXT_COMMIT

_PLAY = (
    NEXT_COMMIT
    + """
-- KEYS: ticks. ARGV: source, lines of id, time and JSON.
for id, time, json in string.gmatch(ARGV[5], '(%S+) (%S+) (%S+)') do
  redis.call('XADD', KEYS[4], '*', 'data', json, 'id', id, 'type', 'MarketTick', 'source', ARGV[4], 'time', time)
end
return 1
"""
)


class TickSequencer(Sequencer):
    """A `Sequencer` for a feed."""

    async def play(self, state: bytes, stream: str, source: str, ticks: Sequence[TickMessage]) -> None:
        """Save state and append ticks, or nothing of it.

        Raises:
            LeaseLost: another instance took over, or Redis was flushed.
        """
        await self._run(_PLAY, [stream], state, [source, "\n".join(map(" ".join, ticks))])
