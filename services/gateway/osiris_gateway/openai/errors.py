"""Problems in the shape of the OpenAI API."""

from osiris_contracts import Problem
from osiris_contracts.openai import OpenAIErrorFacts

PREFIX = "/v1/"

_CODES = {
    "prompt_too_long": "context_length_exceeded",
    "queue_full": "rate_limit_exceeded",
    "unauthorized": "invalid_api_key",
}
_BUSY = {"queue_full", "rate_limit_exceeded"}
_SERVER = {"internal", "model_not_loaded", "cancelled", "deadline_exceeded", "redis_unavailable", "redis_full"}


def error_of(code: str, message: str, param: str | None = None) -> OpenAIErrorFacts:
    """A problem by the desk's code for it."""
    kind = "rate_limit_error" if code in _BUSY else "server_error" if code in _SERVER else "invalid_request_error"
    return OpenAIErrorFacts(message=message, type=kind, param=param, code=_CODES.get(code, code))


def of_problem(problem: Problem) -> tuple[int, OpenAIErrorFacts]:
    """Status and facts of a problem: where others answer 422, the API answers 400."""
    param = problem.errors[0].field if problem.errors else None
    status = 400 if problem.status == 422 else problem.status
    return status, error_of(problem.code, problem.detail, param)
