"""Errors as RFC 9457 problem bodies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import ClientException, HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from pydantic import BaseModel
from redis.exceptions import OutOfMemoryError, RedisError

from osiris_contracts import ErrorCode, FieldProblem, Problem
from osiris_mesh.errors import Refused
from osiris_mesh.http.door import KeyRefused, ScopeMissing, StrangeHost
from osiris_mesh.http.limits import RateLimited, headers

PROBLEM_JSON = "application/problem+json"

STATUS: dict[ErrorCode, int] = {
    "invalid_request": 422,
    "prompt_too_long": 422,
    "memory_exceeded": 422,
    "replaced": 409,
    "risk_gate_reject": 409,
    "queue_full": 429,
    "internal": 500,
    "model_not_loaded": 503,
    "cancelled": 503,
    "deadline_exceeded": 504,
}
"""What a refusal is over HTTP."""

_FIELDS_TOLD = 20
_LONGEST_TOLD = 300  # characters of a field or message: an answer is never much longer than what it is about
_RETRY_SECONDS = {429: 1, 503: 2}

AnyRequest = Request[Any, Any, Any]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """What a client is told of an error."""

    problem: Problem
    headers: Mapping[str, str] = field(default_factory=dict)


Teller = Callable[[AnyRequest, Any], Told]
"""Makes an error into what is told of it."""


def responses(
    body: type[BaseModel] = Problem, media_type: str = PROBLEM_JSON, /, **descriptions: str
) -> dict[int, ResponseSpec]:
    """What a status means, by `_<status>`, for the OpenAPI document."""
    return {
        int(status.removeprefix("_")): ResponseSpec(
            body, description=description, media_type=media_type, generate_examples=False
        )
        for status, description in descriptions.items()
    }


KEY_FAILURES = {
    "_401": "No API key came, or one that is unknown, revoked or expired.",
    "_403": "The key has not the scope that this needs.",
    "_429": "The key has had its requests of this minute; Retry-After says when to come again.",
}
KEYED = responses(**KEY_FAILURES)
"""Of every route that needs a key."""

INPUT = KEYED | responses(
    _400="The body is no JSON.",
    _413="The body is too long.",
    _415="The body is not application/json.",
    _422="A field is not what it should be.",
)
"""Of every route that takes a body."""


def respond(request: AnyRequest, told: Told) -> Response[Any]:
    """The answer."""
    return Response(
        told.problem.model_copy(update={"instance": request.url.path}).model_dump_json(exclude_none=True).encode(),
        status_code=told.problem.status,
        media_type=PROBLEM_JSON,
        headers=with_retry(told),
    )


def with_retry(told: Told) -> dict[str, str]:
    """The headers, with when to come again where that may help."""
    seconds = _RETRY_SECONDS.get(told.problem.status)
    return ({"retry-after": str(seconds)} if seconds else {}) | dict(told.headers)


def handlers(
    tellers: Mapping[Any, Teller], respond: Callable[[AnyRequest, Told], Response[Any]] = respond
) -> dict[Any, Any]:
    """What each exception becomes, for the app."""

    def handler(teller: Teller) -> Callable[[AnyRequest, Any], Response[Any]]:
        return lambda request, error: respond(request, teller(request, error))

    return {kind: handler(teller) for kind, teller in tellers.items()}


def told(title: str, status: int, detail: str, code: str, headers: Mapping[str, str] | None = None) -> Told:
    """A problem that says no more than this."""
    return Told(Problem(title=title, status=status, detail=detail, code=code), headers or {})


def invalid(request: AnyRequest, error: ValidationException, names: Mapping[str, str] | None = None) -> Told:
    """Fields that are not what they should be.

    Args:
        names: of headers, by the names of their parameters.
    """
    extra: list[dict[str, Any]] = error.extra if isinstance(error.extra, list) else []
    fields = tuple(_field(each, names or {}) for each in extra[:_FIELDS_TOLD])
    more = f"; and {len(extra) - _FIELDS_TOLD} more" if len(extra) > _FIELDS_TOLD else ""
    detail = "; ".join(f"{each.field}: {each.message}" for each in fields) + more or error.detail
    return Told(Problem(title="Invalid request", status=422, detail=detail, code="invalid_request", errors=fields))


def _field(problem: Mapping[str, Any], names: Mapping[str, str]) -> FieldProblem:
    if problem.get("source") == "body" and problem.get("key") == "data":
        return FieldProblem(field="body", message="expected a JSON object, got nothing")
    message = str(problem.get("message", "")).removeprefix("Value error, ")[:_LONGEST_TOLD]
    key = str(problem.get("key") or "body")[:_LONGEST_TOLD]
    return FieldProblem(field=names.get(key, key) if problem.get("source") == "header" else key, message=message)


def _refused(request: AnyRequest, error: Refused) -> Told:
    seconds = (error.details or {}).get("retry_after")
    retry = {"retry-after": str(seconds)} if seconds else None
    return told(error.code.replace("_", " ").capitalize(), STATUS[error.code], error.message, error.code, retry)


def _no_text(request: AnyRequest, error: UnicodeDecodeError) -> Told:
    detail = f"expected JSON in UTF-8, byte {error.start} of a text is not: {error.reason}"
    return told("Bad Request", 400, detail, "bad_request")


def _http(request: AnyRequest, error: HTTPException) -> Told:
    status = HTTPStatus(error.status_code)
    detail = error.detail or status.description
    if isinstance(error, ClientException) and status == HTTPStatus.BAD_REQUEST:
        detail = f"expected a body of JSON: {detail}"
    return told(status.phrase, status, detail, status.name.lower(), error.headers)


def _key_refused(request: AnyRequest, error: KeyRefused) -> Told:
    return told("Unauthorized", 401, str(error), "unauthorized", {"www-authenticate": error.challenge})


def _scope_missing(request: AnyRequest, error: ScopeMissing) -> Told:
    return told("Insufficient scope", 403, str(error), "insufficient_scope", {"www-authenticate": error.challenge})


def _strange_host(request: AnyRequest, error: StrangeHost) -> Told:
    return told("Strange host", 403, str(error), "strange_host")


def _rate_limited(request: AnyRequest, error: RateLimited) -> Told:
    when = {"retry-after": str(error.reading.retry_after), **headers([error.reading])}
    return told("Rate limit exceeded", 429, str(error), "rate_limit_exceeded", when)


def _redis_full(request: AnyRequest, error: OutOfMemoryError) -> Told:
    return told("Redis full", 503, "expected room in Redis, it is at its maxmemory; try again later", "redis_full")


def _redis_away(request: AnyRequest, error: RedisError) -> Told:
    _log.error("redis does not answer", error=str(error))
    detail = "expected Redis to answer, it does not; try again"
    return told("Service unavailable", 503, detail, "redis_unavailable")


def _unexpected(request: AnyRequest, error: Exception) -> Told:
    _log.error("request failed", path=request.url.path, exc_info=error)
    detail = "something went wrong that should not; the service's log says what"
    return told("Internal server error", 500, detail, "internal")


TELLERS: dict[Any, Teller] = {
    Refused: _refused,
    ValidationException: invalid,
    HTTPException: _http,
    UnicodeDecodeError: _no_text,
    KeyRefused: _key_refused,
    ScopeMissing: _scope_missing,
    StrangeHost: _strange_host,
    RateLimited: _rate_limited,
    OutOfMemoryError: _redis_full,
    RedisError: _redis_away,
    Exception: _unexpected,
}
"""What is told of the errors that every door knows."""
