"""GET /stream/desk and GET /stream/audio."""

from typing import Annotated, Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream

from osiris_contracts import streams
from osiris_gateway import sse
from osiris_gateway.feeds import place as places
from osiris_gateway.feeds.hub import Feed
from osiris_gateway.feeds.pulse import Pulse
from osiris_gateway.feeds.reading import Reader
from osiris_mesh.entry_id import parse_id
from osiris_mesh.http.problems import KEYED, responses

DESK_IDLE_SECONDS = 5.0
AUDIO_IDLE_SECONDS = 1.0

HISTORY = 500
_OTHERS = {
    streams.ADVICE_GENERATED: 300,
    streams.MARKET_FILLS: 300,
    streams.MARKET_ORDERS: 100,
    streams.PROPOSAL_CREATED: 60,
    streams.PROPOSAL_ASSESSED: 60,
    streams.FEEDBACK_SUBMITTED: 100,
    streams.ORCHESTRATOR_REPLIES: 300,
    streams.ASSESSMENT_SPOKEN: 50,
}
"""Entries that a client begins with, besides bars."""
_ALWAYS = {streams.DESK_STATUS: 1}

DeskEventId = Annotated[
    str | None,
    HeaderParameter(
        name="Last-Event-ID",
        pattern=places.PATTERN,
        max_length=500,
        required=False,
        description="Go on after this event; nothing is left out, nothing comes twice.",
    ),
]
ClipId = Annotated[
    str | None,
    HeaderParameter(
        name="Last-Event-ID",
        pattern=r"^\d{1,15}-\d{1,15}$",
        required=False,
        description="Go on after this clip: the id of its event, which is that of its stream entry.",
    ),
]
History = Annotated[
    int,
    QueryParameter(ge=0, le=5_000, description="Bars to begin with, without Last-Event-ID; with 0 nothing of before."),
]


def _events(description: str) -> dict[int, ResponseSpec]:
    refused = responses(_422="Last-Event-ID or a parameter is not what it should be.", _503="Redis is away.")
    told = ResponseSpec(str, description=description, media_type=sse.MEDIA_TYPE, generate_examples=False)
    return {200: told} | KEYED | refused


@get(
    "/stream/desk",
    responses=_events("Server-Sent Events, for ever."),
    tags=["streams"],
    summary="What the desk does, as it happens",
)
async def desk_stream(
    desk_feed: NamedDependency[Feed],
    pulse: NamedDependency[Pulse],
    last_event_id: DeskEventId = None,
    history: History = HISTORY,
) -> Response[Any]:
    """Server-Sent Events: tick, order, fill, proposal, critique (as its tokens come), assessed, decision, spoken,
    feedback, control; and how things are: services, versions, lag, dead. `live` parts what was from what happens;
    `dropped` counts the bars that a slow client did not get. docs/console.md has their contents.
    """
    if last_event_id:
        place = places.decode(last_event_id, desk_feed.streams)
    else:
        before = {streams.MARKET_TICKS: history, **_OTHERS} if history else {}
        place = await desk_feed.beginning(before | _ALWAYS)
    reader = Reader(desk_feed, place, idle_seconds=DESK_IDLE_SECONDS, on_caught_up=pulse.wake)
    return Stream(reader.read(), media_type=sse.MEDIA_TYPE, headers=sse.HEADERS)


@get(
    "/stream/audio",
    responses=_events("Server-Sent Events, for ever: `data: <base64 WAV>` a clip."),
    tags=["streams"],
    summary="What the desk says",
)
async def audio_stream(audio_feed: NamedDependency[Feed], last_event_id: ClipId = None) -> Response[Any]:
    """Server-Sent Events, `data: <base64 WAV>` a clip. The event id is the clip's stream id; about every second
    without a clip comes a comment. Without Last-Event-ID it begins with the next clip.
    """
    place = (parse_id(last_event_id),) if last_event_id else await audio_feed.beginning({})
    reader = Reader(audio_feed, place, idle_seconds=AUDIO_IDLE_SECONDS, tells_states=False)
    return Stream(reader.read(), media_type=sse.MEDIA_TYPE, headers=sse.HEADERS)


ROUTES = [desk_stream, audio_stream]
