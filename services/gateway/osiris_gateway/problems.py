"""Errors as RFC 9457 problem bodies."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import ClientException, HTTPException, ValidationException
from redis.exceptions import OutOfMemoryError, RedisError

from osiris_contracts import ErrorCode, FieldProblem, Problem
from osiris_contracts.openai import OpenAIError
from osiris_gateway.access.door import KeyRefused, ScopeMissing, StrangeHost
from osiris_gateway.access.limits import RateLimited, headers
from osiris_gateway.call import HEADERS, ResumeWithoutKey
from osiris_gateway.hangup import HungUp
from osiris_gateway.idempotency import KeyReused
from osiris_gateway.openai import errors as openai
from osiris_mesh import Refused

PROBLEM_JSON = "application/problem+json"

_STATUS: dict[ErrorCode, int] = {
    "invalid_request": 422,
    "prompt_too_long": 422,
    "memory_exceeded": 422,
    "replaced": 409,
    "queue_full": 429,
    "internal": 500,
    "model_not_loaded": 503,
    "cancelled": 503,
    "deadline_exceeded": 504,
}
_FIELDS_TOLD = 20
_LONGEST_TOLD = 300  # characters of a field or message: an answer is never much longer than what it is about
_RETRY_SECONDS = {429: 1, 503: 2}

_log = structlog.get_logger(__name__)


class UnknownModel(Exception):
    """A model that the desk does not have."""


class UnknownTransaction(Exception):
    """Feedback on a proposal that nobody made, or too long ago."""


def _respond(request: Request[Any, Any, Any], problem: Problem, headers: Mapping[str, str] | None = None) -> Any:
    headers = dict(headers or {})
    if seconds := _RETRY_SECONDS.get(problem.status):
        headers.setdefault("retry-after", str(seconds))
    if request.url.path.startswith(openai.PREFIX):
        status, facts = openai.of_problem(problem)
        return Response(OpenAIError(error=facts), status_code=status, headers=headers)
    return Response(
        problem.model_copy(update={"instance": request.url.path}).model_dump_json(exclude_none=True).encode(),
        status_code=problem.status,
        media_type=PROBLEM_JSON,
        headers=headers,
    )


def _refused(request: Request[Any, Any, Any], error: Refused) -> Any:
    title = error.code.replace("_", " ").capitalize()
    problem = Problem(title=title, status=_STATUS[error.code], detail=error.message, code=error.code)
    seconds = (error.details or {}).get("retry_after")
    return _respond(request, problem, {"retry-after": str(seconds)} if seconds else None)


def _invalid(request: Request[Any, Any, Any], error: ValidationException) -> Any:
    extra: list[dict[str, Any]] = error.extra if isinstance(error.extra, list) else []
    fields = tuple(_field(each) for each in extra[:_FIELDS_TOLD])
    more = f"; and {len(extra) - _FIELDS_TOLD} more" if len(extra) > _FIELDS_TOLD else ""
    detail = "; ".join(f"{each.field}: {each.message}" for each in fields) + more or error.detail
    return _respond(
        request, Problem(title="Invalid request", status=422, detail=detail, code="invalid_request", errors=fields)
    )


def _field(problem: Mapping[str, Any]) -> FieldProblem:
    if problem.get("source") == "body" and problem.get("key") == "data":
        return FieldProblem(field="body", message="expected a JSON object, got nothing")
    message = str(problem.get("message", "")).removeprefix("Value error, ")[:_LONGEST_TOLD]
    key = str(problem.get("key") or "body")[:_LONGEST_TOLD]
    return FieldProblem(field=HEADERS.get(key, key) if problem.get("source") == "header" else key, message=message)


def _no_text(request: Request[Any, Any, Any], error: UnicodeDecodeError) -> Any:
    detail = f"expected JSON in UTF-8, byte {error.start} of a text is not: {error.reason}"
    return _respond(request, Problem(title="Bad Request", status=400, detail=detail, code="bad_request"))


def _http(request: Request[Any, Any, Any], error: HTTPException) -> Any:
    status = HTTPStatus(error.status_code)
    detail = error.detail or status.description
    if isinstance(error, ClientException) and status == HTTPStatus.BAD_REQUEST:
        detail = f"expected a body of JSON: {detail}"
    problem = Problem(title=status.phrase, status=status, detail=detail, code=status.name.lower())
    return _respond(request, problem, error.headers)


def _unknown_transaction(request: Request[Any, Any, Any], error: UnknownTransaction) -> Any:
    return _respond(
        request, Problem(title="Unknown transaction", status=404, detail=str(error), code="unknown_transaction")
    )


def _unknown_model(request: Request[Any, Any, Any], error: UnknownModel) -> Any:
    return _respond(request, Problem(title="Unknown model", status=404, detail=str(error), code="model_not_found"))


def _key_reused(request: Request[Any, Any, Any], error: KeyReused) -> Any:
    problem = Problem(title="Idempotency key reused", status=409, detail=str(error), code="idempotency_key_reused")
    return _respond(request, problem)


def _resume_without_key(request: Request[Any, Any, Any], error: ResumeWithoutKey) -> Any:
    return _respond(
        request, Problem(title="Nothing to resume", status=409, detail=str(error), code="resume_without_key")
    )


def _key_refused(request: Request[Any, Any, Any], error: KeyRefused) -> Any:
    problem = Problem(title="Unauthorized", status=401, detail=str(error), code="unauthorized")
    return _respond(request, problem, {"www-authenticate": error.challenge})


def _scope_missing(request: Request[Any, Any, Any], error: ScopeMissing) -> Any:
    problem = Problem(title="Insufficient scope", status=403, detail=str(error), code="insufficient_scope")
    return _respond(request, problem, {"www-authenticate": error.challenge})


def _strange_host(request: Request[Any, Any, Any], error: StrangeHost) -> Any:
    return _respond(request, Problem(title="Strange host", status=403, detail=str(error), code="strange_host"))


def _rate_limited(request: Request[Any, Any, Any], error: RateLimited) -> Any:
    problem = Problem(title="Rate limit exceeded", status=429, detail=str(error), code="rate_limit_exceeded")
    told = {"retry-after": str(error.reading.retry_after), **headers([error.reading])}
    return _respond(request, problem, told)


def _hung_up(request: Request[Any, Any, Any], error: HungUp) -> Any:
    problem = Problem(title="Client closed request", status=499, detail="nobody reads this", code="client_closed")
    return _respond(request, problem)


def _redis_full(request: Request[Any, Any, Any], error: OutOfMemoryError) -> Any:
    detail = "expected room in Redis, it is at its maxmemory; try again later"
    return _respond(request, Problem(title="Redis full", status=503, detail=detail, code="redis_full"))


def _redis_away(request: Request[Any, Any, Any], error: RedisError) -> Any:
    _log.error("redis does not answer", error=str(error))
    detail = "expected Redis to answer, it does not; try again"
    return _respond(request, Problem(title="Service unavailable", status=503, detail=detail, code="redis_unavailable"))


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Any:
    _log.error("request failed", path=request.url.path, exc_info=error)
    detail = "something went wrong that should not; the gateway's log says what"
    return _respond(request, Problem(title="Internal server error", status=500, detail=detail, code="internal"))


HANDLERS: dict[Any, Any] = {
    Refused: _refused,
    ValidationException: _invalid,
    HTTPException: _http,
    UnknownModel: _unknown_model,
    UnknownTransaction: _unknown_transaction,
    UnicodeDecodeError: _no_text,
    KeyReused: _key_reused,
    ResumeWithoutKey: _resume_without_key,
    KeyRefused: _key_refused,
    ScopeMissing: _scope_missing,
    StrangeHost: _strange_host,
    RateLimited: _rate_limited,
    HungUp: _hung_up,
    OutOfMemoryError: _redis_full,
    RedisError: _redis_away,
    Exception: _unexpected,
}
"""What each exception becomes."""
