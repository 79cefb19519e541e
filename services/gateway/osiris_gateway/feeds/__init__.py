"""What the desk does, as it happens: one reader of the mesh's streams, and any number of clients."""

from typing import NamedTuple

from osiris_gateway.feeds import events
from osiris_gateway.feeds.hub import Feed, Hub
from osiris_gateway.feeds.pulse import Pulse
from osiris_gateway.feeds.reading import Reader
from osiris_mesh.connection import Client

__all__ = ["Feed", "Feeds", "Hub", "Pulse", "Reader", "of"]

WAITING = {events.TICK: 2_000, events.PIECE: 4_000}
"""Events of each kind that may wait for a slow client; the oldest of more go. About 1 MB in all."""
MOST_WAITING = 2_000
MOST_CLIPS = 16


class Feeds(NamedTuple):
    """What the gateway streams."""

    desk: Feed
    audio: Feed


def of(redis: Client) -> Feeds:
    """The feeds over the streams of `redis`."""
    return Feeds(
        desk=Feed(redis, tuple(events.DESK), events.of_desk, WAITING, MOST_WAITING),
        audio=Feed(redis, events.AUDIO, events.of_audio, {}, MOST_CLIPS),
    )
