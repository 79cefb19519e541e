"""The names of the streams. Nobody spells one elsewhere."""

from datetime import timedelta
from typing import Final, NamedTuple, get_args
from uuid import UUID

from osiris_contracts._base import ModelId, Priority

MARKET_TICKS: Final = "market.ticks"
MARKET_ORDERS: Final = "market.orders"
MARKET_FILLS: Final = "market.fills"
HERMES_REQUESTS: Final = "hermes.requests"
PHI3_REQUESTS: Final = "phi3.requests"
PLANNER_REQUESTS: Final = "planner.requests"
PROPOSAL_CREATED: Final = "phi3.proposal.created"
PROPOSAL_ASSESSED: Final = "phi3.proposal.assessed"
FEEDBACK_SUBMITTED: Final = "phi3.feedback.submitted"
OUTCOME_OBSERVED: Final = "phi3.outcome.observed"
ADVICE_GENERATED: Final = "advice.generated"
TTS_REQUESTS: Final = "tts.requests"
AUDIO_BYTES: Final = "audio.bytes"
"""A stream of clips, and a pub/sub channel of the same name with each as base64 WAV."""
ASSESSMENT_SPOKEN: Final = "hermes.assessment.spoken"
DGM_OUTCOMES: Final = "dgm.outcomes"
DESK_COMMANDS: Final = "desk.commands"
DESK_STATUS: Final = "desk.status"
POLICY_VERSIONS: Final = "policy.versions"
POLICY_TRACES: Final = "policy.traces"
ORCHESTRATOR_REPLIES: Final = "orchestrator.replies"
"""Where the desk's own answers come, whichever instance of the orchestrator holds the lease."""

DESK_GROUP: Final = "orchestrator"
"""The desk's consumer group; a replay waits for it before the next bar."""

REQUESTS_OF: Final[dict[ModelId, str]] = {"hermes": HERMES_REQUESTS, "phi3": PHI3_REQUESTS}
"""The request stream of each model."""

_SERVED_BY: Final = {PLANNER_REQUESTS: "azr_planner"}
"""Where the service is called otherwise than its stream."""

DEFAULT_PRIORITY: Final[Priority] = "desk"
"""What an entry has that names none."""

LANED: Final = frozenset((*REQUESTS_OF.values(), TTS_REQUESTS))
"""Streams that have a lane for each priority, so that a long queue of one never stands before another."""


class Retention(NamedTuple):
    """How much of what every group has passed stays readable.

    Attributes:
        age: entries that are younger.
        length: at most so many, the newest.
    """

    age: timedelta
    length: int


DEFAULT_RETENTION: Final = Retention(timedelta(hours=1), 50_000)
RETENTION: Final[dict[str, Retention]] = {
    MARKET_TICKS: Retention(timedelta(minutes=10), 50_000),
    HERMES_REQUESTS: Retention(timedelta(hours=1), 10_000),  # prompts are long
    PHI3_REQUESTS: Retention(timedelta(hours=1), 10_000),
    PROPOSAL_CREATED: Retention(timedelta(days=1), 50_000),
    PROPOSAL_ASSESSED: Retention(timedelta(days=1), 50_000),
    FEEDBACK_SUBMITTED: Retention(timedelta(days=30), 50_000),  # typed by people; phi3 reads it when it starts
    OUTCOME_OBSERVED: Retention(timedelta(days=1), 50_000),
    ADVICE_GENERATED: Retention(timedelta(days=1), 50_000),
    TTS_REQUESTS: Retention(timedelta(hours=1), 1_000),  # a voice to be cloned is long
    AUDIO_BYTES: Retention(timedelta(minutes=10), 200),  # a sentence is 300 KB
    DGM_OUTCOMES: Retention(timedelta(days=30), 50_000),
    POLICY_VERSIONS: Retention(timedelta(days=3_650), 1_000),
    POLICY_TRACES: Retention(timedelta(days=30), 50_000),  # what the kernel learns from
    DESK_STATUS: Retention(timedelta(days=3_650), 1_000),  # the last one is how the desk stands
}
"""What differs from the default."""

DEAD_AGE: Final = timedelta(days=30)
"""How long a dead letter waits for somebody to replay or drop it."""

PROPOSAL_KEY_SECONDS: Final = 30 * 86_400
REMEMBERED_PROMPT_CHARACTERS: Final = 8_000
"""A longer prompt is not kept with its proposal: no example is that long."""


_OWN: Final = frozenset(
    {
        MARKET_TICKS,
        MARKET_ORDERS,
        MARKET_FILLS,
        HERMES_REQUESTS,
        PHI3_REQUESTS,
        PLANNER_REQUESTS,
        PROPOSAL_CREATED,
        PROPOSAL_ASSESSED,
        FEEDBACK_SUBMITTED,
        OUTCOME_OBSERVED,
        ADVICE_GENERATED,
        TTS_REQUESTS,
        AUDIO_BYTES,
        ASSESSMENT_SPOKEN,
        DGM_OUTCOMES,
        DESK_COMMANDS,
        DESK_STATUS,
        POLICY_VERSIONS,
        POLICY_TRACES,
    }
)
_OWN_KEYS: Final = (
    "effect",
    "effect-answers",
    "lease",
    "state",
    "commits",
    "presence",
    "idempotency",
    "proposal",
    "gateway",
    "pieces",
)
_OWN_PREFIXES: Final = ("control.", *(f"{kind}:" for kind in _OWN_KEYS))


def dead(stream: str) -> str:
    """Where `stream`'s undeliverable entries lie."""
    return f"{stream}:dead"


def lane(stream: str, priority: Priority) -> str:
    """Where work of `priority` goes: `stream:priority`; the desk's, and all where there are no lanes, to `stream`."""
    return f"{stream}:{priority}" if stream in LANED and priority != DEFAULT_PRIORITY else stream


def base(lane: str) -> str:
    """The stream that `lane` is one of; one that has no lanes is its own."""
    name = lane.partition(":")[0]
    return name if name in LANED else lane


def retention(stream: str) -> Retention:
    """How much is kept of `stream`, which may be a lane."""
    return RETENTION.get(base(stream), DEFAULT_RETENTION)


def lanes(stream: str) -> tuple[str, ...]:
    """Every lane of `stream`."""
    return tuple(dict.fromkeys(lane(stream, priority) for priority in get_args(Priority)))


def served_by(stream: str) -> str:
    """The service that answers the requests on `stream`."""
    return _SERVED_BY.get(stream, stream.partition(".")[0])


def control(service: str) -> str:
    """The stream on which `service` is told to drain, resume or cancel."""
    return f"control.{service}"


def replies(instance: str) -> str:
    """The reply stream of one instance of a service."""
    return f"replies.{instance}"


def answer(request_id: str) -> str:
    """The reply stream of one request that may be asked for again."""
    return f"answers.{request_id}"


def last_speak_key(transaction_id: UUID) -> str:
    """The key that holds, for a day, when the assessment of a proposal was spoken, unix milliseconds."""
    return f"last_speak_ms.{transaction_id}"


def is_for_replies(stream: str) -> bool:
    """Whether `stream` is the reply stream of an instance or of a request; they come and go, and have no groups."""
    return stream.startswith((replies(""), answer("")))


def is_the_desks_own(name: str) -> bool:
    """Whether `name` is a stream or key that services work on, so that nobody may have an answer sent there.

    An answer is no message of such a stream, and a reply stream vanishes a day after its last answer.
    """
    return name.partition(":")[0] in _OWN or name.startswith(_OWN_PREFIXES)


def proposal_key(transaction_id: UUID) -> str:
    """Where a proposal is remembered for PROPOSAL_KEY_SECONDS, as a RememberedProposal: feedback is taken on it."""
    return f"proposal:{transaction_id}"
