"""The endpoints. Each takes a body, asks the mesh, and answers."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream
from pydantic import BaseModel

from osiris_contracts import (
    FeedbackReceipt,
    FeedbackSubmission,
    GenerateBody,
    GeneratedText,
    GenerateModelBody,
    GenerateRequest,
    GenerateResult,
    Health,
    ModelId,
    Proposal,
    ProposeBody,
    ProposedTrade,
)
from osiris_gateway import sse
from osiris_gateway.call import Call
from osiris_gateway.hangup import unless_hung_up
from osiris_gateway.models import Models
from osiris_gateway.streamed import Streamed
from osiris_gateway.timing import Timing
from osiris_gateway.trades import Trades
from osiris_gateway.vitals import Vitals
from osiris_mesh.http.problems import INPUT, AnyRequest, responses

ASKING = INPUT | responses(
    _409="The Idempotency-Key came with another body, or Last-Event-ID without one.",
    _429="The model's queue is full, or the key has had its minute; Retry-After says when to come again.",
    _500="The model failed.",
    _503="No such model is loaded, or Redis is away or full.",
    _504="The model took too long.",
)


def _json(body: BaseModel, headers: dict[str, str] | None = None) -> Response[Any]:
    return Response(body.model_dump_json().encode(), media_type="application/json", headers=headers)


async def _generate(request: AnyRequest, call: Call, model_id: ModelId, body: GenerateModelBody) -> Response[Any]:
    timing = Timing()
    models: Models = request.app.state.models
    asked = GenerateRequest(**{name: value for name, value in body if name != "model_id"})
    if body.stream:
        replies = models.stream(model_id, asked, call)
        first = await unless_hung_up(request, anext(replies))  # what is refused at once keeps its HTTP status
        return Stream(
            sse.events(first, replies, call.progress()),
            media_type=sse.MEDIA_TYPE,
            headers={**sse.HEADERS, **timing.headers(first[0])},
        )
    result = await unless_hung_up(request, models.ask(model_id, asked, call))
    return _json(_answer(result), timing.headers(result))


def _answer(result: GenerateResult) -> GeneratedText | Proposal:
    return result.proposal or GeneratedText(generated_text=result.text)


@post(
    "/generate",
    status_code=200,
    operation_class=Streamed,
    responses=ASKING,
    tags=["models"],
    summary="Ask hermes or phi3",
)
async def generate(
    request: AnyRequest, data: JSONBody[GenerateBody], call: NamedDependency[Call]
) -> Response[GeneratedText | Proposal]:
    """hermes answers {"generated_text"}, phi3 a proposal.

    With `stream`, Server-Sent Events come instead: `chunk` events with a Chunk, then one `result` with a
    GenerateResult, or `error` with an ErrorReply.
    """
    return await _generate(request, call, data.model_id, data)


@post(
    "/generate/hermes",
    status_code=200,
    operation_class=Streamed,
    responses=ASKING,
    tags=["models"],
    summary="Ask hermes",
)
async def generate_hermes(
    request: AnyRequest, data: JSONBody[GenerateModelBody], call: NamedDependency[Call]
) -> Response[GeneratedText]:
    """Plain English. `stream` as for /generate/."""
    return await _generate(request, call, "hermes", data)


@post(
    "/generate/phi3", status_code=200, operation_class=Streamed, responses=ASKING, tags=["models"], summary="Ask phi3"
)
async def generate_phi3(
    request: AnyRequest, data: JSONBody[GenerateModelBody], call: NamedDependency[Call]
) -> Response[Proposal]:
    """One valid proposal. `stream` as for /generate/."""
    return await _generate(request, call, "phi3", data)


@post("/propose_trade_adjustments", status_code=200, responses=ASKING, tags=["trades"], summary="Propose and critique")
async def propose(
    request: AnyRequest, data: JSONBody[ProposeBody], trades: NamedDependency[Trades], call: NamedDependency[Call]
) -> Response[ProposedTrade]:
    """phi3 proposes, hermes critiques; both are logged for the feedback loop under the transaction_id."""
    return _json(await unless_hung_up(request, trades.propose(data, call)))


@post(
    "/feedback/phi3",
    status_code=200,
    responses=INPUT | responses(_404="No such transaction.", _503="Redis is away."),
    tags=["trades"],
    summary="Correct, rate or comment on a proposal",
)
async def feedback(data: JSONBody[FeedbackSubmission], trades: NamedDependency[Trades]) -> Response[FeedbackReceipt]:
    """Stored exactly once, at server time, however often the same feedback is sent; the desk learns from it."""
    return _json(await trades.take_feedback(data))


@get("/health", tags=["operations"], summary="Can the desk answer")
async def health(vitals: NamedDependency[Vitals]) -> Response[Health]:
    """What is loaded, where, and how the critic scored the last 24 hours. Always 200: read `status`."""
    return _json(vitals.health())


ASK_ROUTES = [generate, generate_hermes, generate_phi3, propose]
