"""The endpoints under /v1."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, get_args

from litestar import MediaType, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream
from pydantic import BaseModel

from osiris_contracts import GenerateRequest, GenerateResult, ModelId
from osiris_contracts.openai import (
    ChatCompletion,
    ChatCompletionBody,
    Completion,
    CompletionBody,
    ModelCard,
    ModelList,
    OpenAIError,
)
from osiris_gateway import sse
from osiris_gateway.call import Call
from osiris_gateway.hangup import unless_hung_up
from osiris_gateway.json_answer import JsonAnswer
from osiris_gateway.models import Models
from osiris_gateway.openai import answers, requests
from osiris_gateway.openai.events import ChatEvents, TextEvents, stream
from osiris_gateway.problems import UnknownModel
from osiris_gateway.streamed import Streamed
from osiris_gateway.timing import Timing
from osiris_gateway.watch import Watch
from osiris_mesh.http.problems import KEY_FAILURES, AnyRequest, responses
from osiris_mesh.merging import merged
from osiris_mesh.tasks import end

_errors = partial(responses, OpenAIError, MediaType.JSON)
KEYED = _errors(**KEY_FAILURES)
ASKING = KEYED | _errors(
    _400="The body is no JSON, or a field is not what it should be.",
    _404="No such model.",
    _413="The body is too long.",
    _415="The body is not application/json.",
    _409="The Idempotency-Key came with another body, or Last-Event-ID without one.",
    _429="The model's queue is full, or the key has had its minute; Retry-After says when to come again.",
    _500="The model failed.",
    _503="No such model is loaded, or Redis is away or full.",
    _504="The model took too long.",
)


@post(
    "/v1/chat/completions",
    status_code=200,
    operation_class=Streamed,
    responses=ASKING,
    tags=["openai"],
    summary="Chat with a model",
)
async def chat_completions(
    request: AnyRequest,
    data: JSONBody[ChatCompletionBody],
    call: NamedDependency[Call],
) -> Response[ChatCompletion]:
    """As the OpenAI API has it; with `stream`, Server-Sent Events come instead. phi3 answers with a proposal."""
    asking = _Asking(request, call)
    model, adapter = _model(data.model)
    asked = requests.of_chat(data, adapter)
    if not data.stream:
        results = await asking.ask(model, asked)
        return asking.answer(answers.chat(asking.id("chatcmpl"), asking.created, results), results)
    events = ChatEvents(asking.id("chatcmpl"), asking.created, model, tools=bool(asked[0].tools))
    return await asking.stream(model, asked, events, include_usage=_wants_usage(data))


@post(
    "/v1/completions",
    status_code=200,
    operation_class=Streamed,
    responses=ASKING,
    tags=["openai"],
    summary="Let a model go on with a text",
)
async def completions(
    request: AnyRequest, data: JSONBody[CompletionBody], call: NamedDependency[Call]
) -> Response[Completion]:
    """The prompt goes to the model as it is, without a chat template. `stream` as for chat."""
    asking = _Asking(request, call)
    model, adapter = _model(data.model)
    asked = requests.of_text(data, adapter)
    if not data.stream:
        results = await asking.ask(model, asked)
        return asking.answer(answers.text(asking.id("cmpl"), asking.created, results), results)
    events = TextEvents(asking.id("cmpl"), asking.created, model)
    return await asking.stream(model, asked, events, include_usage=_wants_usage(data))


@get("/v1/models", responses=KEYED, tags=["openai"], summary="Models that answer now")
async def list_models(watch: NamedDependency[Watch]) -> Response[ModelList]:
    """Those with a living service that has loaded one."""
    return _json(ModelList(data=tuple(card for model_id in get_args(ModelId) for card in _cards(watch, model_id))))


@get("/v1/models/{model:str}", responses=KEYED | _errors(_404="No such model."), tags=["openai"], summary="One model")
async def one_model(model: str, watch: NamedDependency[Watch]) -> Response[ModelCard]:
    """Whether it answers now, and in which version."""
    model_id, _ = _model(model)
    for card in _cards(watch, model_id):
        if card.id == model:
            return _json(card)
    raise UnknownModel(f"expected a {model} that can answer, there is none now; try again")


class _Asking:
    """One call: its id, when it came, and asking for it."""

    def __init__(self, request: AnyRequest, call: Call) -> None:
        self._request = request
        self._models: Models = request.app.state.models
        self._call = call
        self._timing = Timing()
        self.created = (call.run.int >> 80) // 1000

    def id(self, kind: str) -> str:
        return f"{kind}-{self._call.run.hex}"

    async def ask(self, model: ModelId, asked: Sequence[GenerateRequest]) -> list[GenerateResult]:
        return await unless_hung_up(self._request, self._all(model, asked))

    def answer(self, body: BaseModel, results: Sequence[GenerateResult]) -> Response[Any]:
        return _json(body, self._headers(results[0]))

    async def stream(
        self,
        model: ModelId,
        asked: Sequence[GenerateRequest],
        events: ChatEvents | TextEvents,
        *,
        include_usage: bool,
    ) -> Response[Any]:
        replies = merged(
            [self._models.stream(model, each, self._call, str(number)) for number, each in enumerate(asked)]
        )
        first = await unless_hung_up(self._request, anext(replies))  # what is refused at once keeps its HTTP status
        return Stream(
            stream(events, first, replies, self._call.progress(len(asked)), include_usage=include_usage),
            media_type=sse.MEDIA_TYPE,
            headers={**sse.HEADERS, **self._headers(first[1][0])},
        )

    async def _all(self, model: ModelId, asked: Sequence[GenerateRequest]) -> list[GenerateResult]:
        if len(asked) == 1:
            return [await self._models.ask(model, asked[0], self._call, "0")]
        tasks = [
            asyncio.ensure_future(self._models.ask(model, each, self._call, str(number)))
            for number, each in enumerate(asked)
        ]
        try:
            return await asyncio.gather(*tasks)
        finally:
            await end(*tasks)

    def _headers(self, first: Any) -> dict[str, str]:
        return {"x-request-id": str(self._call.run), **self._timing.headers(first)}


def _json(body: BaseModel, headers: dict[str, str] | None = None) -> Response[Any]:
    return JsonAnswer(body.model_dump_json(exclude_none=True).encode(), headers)


def _model(name: str) -> tuple[ModelId, str | None]:
    """Who is asked, and with which adapter: `hermes`, or `hermes:NAME`."""
    model, _, adapter = name.partition(":")
    for known in get_args(ModelId):
        if model == known:
            return known, adapter or None
    raise UnknownModel(f"expected model hermes or phi3, got {name}; GET /v1/models lists those that answer now")


def _cards(watch: Watch, model_id: ModelId) -> list[ModelCard]:
    """The model, and the same with each of its adapters; none when it cannot answer."""
    presence = watch.answering(model_id)
    if presence is None or presence.model is None:
        return []
    names = [model_id, *(f"{model_id}:{adapter}" for adapter in presence.model.adapters)]
    created, version = int(presence.started_at.timestamp()), presence.model.version or "unknown"
    return [ModelCard(id=name, created=created, version=version) for name in names]


def _wants_usage(data: ChatCompletionBody | CompletionBody) -> bool:
    return bool(data.stream_options and data.stream_options.include_usage)


ROUTES = [chat_completions, completions, list_models, one_model]
