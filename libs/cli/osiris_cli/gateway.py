"""The gateway's HTTP interface, from the outside."""

from collections.abc import Iterable, Iterator
from typing import NoReturn, TypeVar

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from osiris_cli.errors import CliError
from osiris_contracts import (
    REPLY,
    Chunk,
    ErrorReply,
    FeedbackReceipt,
    FeedbackSubmission,
    GenerateBody,
    GenerateResult,
    Problem,
    ProposeBody,
    ProposedTrade,
    SpeakBody,
)

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 300.0

Answer = TypeVar("Answer", bound=BaseModel)


class Gateway:
    """A client of one gateway. Every failure is a CliError with one clear line.

    Args:
        url: where it listens.
        api_key: sent as a bearer token.
        transport: how requests travel; for tests.
    """

    def __init__(self, url: str, api_key: SecretStr | None, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"authorization": f"Bearer {api_key.get_secret_value()}"} if api_key else {}
        timeout = httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS)
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)
        self._url = url

    def generate(self, body: GenerateBody) -> Iterator[Chunk | GenerateResult]:
        """Ask a model; its answer piece by piece, then as a whole."""
        content = body.model_copy(update={"stream": True}).model_dump_json()
        try:
            with self._http.stream(
                "POST", "/generate/", content=content, headers={"content-type": "application/json"}
            ) as response:
                if not response.is_success:
                    response.read()
                    _refuse(response)
                for data in sse_data(response.iter_lines()):
                    reply = REPLY.validate_json(data)
                    if isinstance(reply, ErrorReply):
                        raise CliError(f"{reply.code}: {reply.message}", 1)
                    if isinstance(reply, Chunk | GenerateResult):
                        yield reply
        except httpx.HTTPError as error:
            self._unreachable(error)

    def propose(self, body: ProposeBody) -> ProposedTrade:
        """Ask for a trade proposal and its critique."""
        return self._post("/propose_trade_adjustments/", body, ProposedTrade)

    def feedback(self, body: FeedbackSubmission) -> FeedbackReceipt:
        """Say what was right or wrong about a proposal."""
        return self._post("/feedback/phi3/", body, FeedbackReceipt)

    def speak(self, body: SpeakBody) -> bytes:
        """Have a text spoken; a WAV file."""
        return self._answer("/speak/", body).content

    def _post(self, path: str, body: BaseModel, answer: type[Answer]) -> Answer:
        return answer.model_validate_json(self._answer(path, body).content)

    def _answer(self, path: str, body: BaseModel) -> httpx.Response:
        try:
            response = self._http.post(
                path, content=body.model_dump_json(), headers={"content-type": "application/json"}
            )
        except httpx.HTTPError as error:
            self._unreachable(error)
        if not response.is_success:
            _refuse(response)
        return response

    def _unreachable(self, error: httpx.HTTPError) -> NoReturn:
        raise CliError(f"expected an answer from the gateway at {self._url}, got: {error}", 1) from error


def sse_data(lines: Iterable[str]) -> Iterator[str]:
    """The `data` of each Server-Sent Event (WHATWG HTML, section 9.2); comments and other fields are skipped."""
    data: list[str] = []
    for line in lines:
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []
    if data:
        yield "\n".join(data)


def _refuse(response: httpx.Response) -> NoReturn:
    """Raise what the gateway says is wrong: exit code 2 when the request is to blame, 1 when the desk is."""
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        said = f"HTTP {response.status_code} {response.reason_phrase}: {response.text[:200]}"
    else:
        said = "; ".join([problem.detail, *(f"{each.field}: {each.message}" for each in problem.errors)])
    busy = response.status_code in (408, 429)
    raise CliError(said, 2 if response.is_client_error and not busy else 1)
