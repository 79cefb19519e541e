"""Errors that only the gateway knows, and all of them in the shape of the OpenAI API where its clients call."""

from functools import partial
from typing import Any

from litestar import Response
from litestar.exceptions import ValidationException

from osiris_contracts.openai import OpenAIError
from osiris_gateway.call import HEADERS, ResumeWithoutKey
from osiris_gateway.hangup import HungUp
from osiris_gateway.idempotency import KeyReused
from osiris_gateway.openai import errors as openai
from osiris_mesh.http import problems
from osiris_mesh.http.problems import AnyRequest, Teller, Told, told


class UnknownModel(Exception):
    """A model that the desk does not have."""


class UnknownTransaction(Exception):
    """Feedback on a proposal that nobody made, or too long ago."""


def _respond(request: AnyRequest, told: Told) -> Response[Any]:
    if not request.url.path.startswith(openai.PREFIX):
        return problems.respond(request, told)
    status, facts = openai.of_problem(told.problem)
    return Response(OpenAIError(error=facts), status_code=status, headers=problems.with_retry(told))


def _teller(title: str, status: int, code: str) -> Teller:
    return lambda request, error: told(title, status, str(error), code)


def _hung_up(request: AnyRequest, error: HungUp) -> Told:
    return told("Client closed request", 499, "nobody reads this", "client_closed")


HANDLERS = problems.handlers(
    {
        **problems.TELLERS,
        ValidationException: partial(problems.invalid, names=HEADERS),
        UnknownModel: _teller("Unknown model", 404, "model_not_found"),
        UnknownTransaction: _teller("Unknown transaction", 404, "unknown_transaction"),
        KeyReused: _teller("Idempotency key reused", 409, "idempotency_key_reused"),
        ResumeWithoutKey: _teller("Nothing to resume", 409, "resume_without_key"),
        HungUp: _hung_up,
    },
    _respond,
)
"""What each exception becomes."""
