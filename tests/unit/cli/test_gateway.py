"""The client of the gateway, over real HTTP to a server that answers as the contracts say."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_cli.__main__ import main
from osiris_cli.gateway import sse_data
from osiris_contracts import wav

PROPOSAL = {"ticker": "SPY", "action": "pass", "confidence": 0.4, "rationale": "Nothing new."}
TRANSACTION = str(UUID(int=7))
PROBLEM = {
    "title": "Unprocessable",
    "status": 422,
    "detail": "expected a prompt",
    "code": "invalid_request",
    "errors": [{"field": "prompt", "message": "was blank"}],
}


class Gateway(BaseHTTPRequestHandler):
    """Answers the three requests the command sends; `seen` holds what came."""

    seen: list[tuple[str, dict[str, object], str | None]]
    refusal: int | None

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.seen.append((self.path, body, self.headers.get("authorization")))
        if self.refusal is not None:
            self._answer(self.refusal, "application/problem+json", json.dumps(PROBLEM | {"status": self.refusal}))
        elif self.path == "/generate/":
            self._answer(200, "text/event-stream", self._events())
        elif self.path == "/propose_trade_adjustments/":
            answer = {"transaction_id": TRANSACTION, "phi3_proposal": PROPOSAL, "hermes_assessment": "Sensible."}
            self._answer(201, "application/json", json.dumps(answer))
        elif self.path == "/speak/":
            self._answer(200, "audio/wav", wav.write(bytes(48_000), 24_000))
        else:
            self._answer(202, "application/json", json.dumps({"message": "Noted.", "transaction_id": TRANSACTION}))

    def _events(self) -> str:
        usage = {"prompt_tokens": 3, "completion_tokens": 2}
        result = {"kind": "result", "model_id": "hermes", "model_version": "embedded", "text": "Rates, mostly."}
        replies = [
            {"kind": "chunk", "index": 0, "text": "Rates, "},
            {"kind": "chunk", "index": 1, "text": "mostly."},
            result | {"finish_reason": "stop", "usage": usage},
        ]
        return ": hello\n\n" + "".join(f"event: {each['kind']}\ndata: {json.dumps(each)}\n\n" for each in replies)

    def _answer(self, status: int, kind: str, body: str | bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.end_headers()
        self.wfile.write(body.encode() if isinstance(body, str) else body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Gateway]]:
    handler = type("Handler", (Gateway,), {"seen": [], "refusal": None})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("OSIRIS_GATEWAY_URL", f"http://127.0.0.1:{http.server_port}")
        yield handler
        http.shutdown()


def test_ask_prints_the_answer_as_it_streams(gateway: type[Gateway], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "What moves SPY?", "--max-length", "50"]) == 0
    assert capsys.readouterr().out == "Rates, mostly.\n"
    [(path, body, _)] = gateway.seen
    assert path == "/generate/"
    assert (body["prompt"], body["model_id"], body["max_length"], body["stream"]) == (
        "What moves SPY?",
        "hermes",
        50,
        True,
    )


def test_the_api_key_is_sent(
    gateway: type[Gateway], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OSIRIS_GATEWAY_API_KEY", "let-me-in")
    assert main(["ask", "hi"]) == 0
    assert gateway.seen[0][2] == "Bearer let-me-in"


def test_propose_shows_proposal_critique_and_id(gateway: type[Gateway], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["propose", "Long 10 SPY at 470."]) == 0
    said = capsys.readouterr().out
    assert all(part in said for part in ("SPY", "pass   confidence 0.40", "Nothing new.", "Sensible.", TRANSACTION))
    assert main(["propose", "Long 10 SPY at 470.", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["transaction_id"] == TRANSACTION


@pytest.mark.parametrize(
    ("typed", "sent"), [("2", 2), ('{"comment":"late"}', {"comment": "late"}), ("too tight", "too tight")]
)
def test_feedback_may_be_any_json_or_plain_text(
    typed: str, sent: object, gateway: type[Gateway], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["feedback", "submit", TRANSACTION, "--type", "qualitative_comment", "--content", typed]) == 0
    assert capsys.readouterr().out == "Noted.\n"
    assert gateway.seen[0][0] == "/feedback/phi3/"
    assert gateway.seen[0][1]["feedback_content"] == sent


def test_speak_keeps_the_file(gateway: type[Gateway], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "speech.wav"
    assert main(["speak", "EURUSD fell.", "--out", str(out), "--speed", "1.5"]) == 0
    assert capsys.readouterr().out == f"{out}: 1.0 s\n"
    assert wav.read(out.read_bytes()).seconds == 1
    [(path, body, _)] = gateway.seen
    assert (path, body["text"], body["speed"]) == ("/speak/", "EURUSD fell.", 1.5)


def test_speak_plays_where_there_is_a_player(
    gateway: type[Gateway], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["speak", "Hello."]) == 0
    assert "install one of pw-play" in capsys.readouterr().out
    player = tmp_path / "aplay"
    player.write_text(f"#!/bin/sh\n/bin/cat > {tmp_path}/played\n")
    player.chmod(0o755)
    assert main(["speak", "Hello."]) == 0
    assert wav.read((tmp_path / "played").read_bytes()).seconds == 1
    player.write_text("#!/bin/sh\necho no device >&2; exit 1\n")
    assert main(["speak", "Hello."]) == 1
    assert "aplay cannot play it: no device; keep it with --out" in capsys.readouterr().err


@pytest.mark.parametrize(("status", "exit_code"), [(422, 2), (404, 2), (429, 1), (503, 1)])
@pytest.mark.parametrize("command", ["ask", "propose", "speak"])
def test_a_refusal_is_one_line_with_the_reason(
    status: int, exit_code: int, command: str, gateway: type[Gateway], capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.refusal = status
    assert main([command, "hi"]) == exit_code
    assert capsys.readouterr().err == "osiris: expected a prompt; prompt: was blank\n"


def test_a_gateway_that_is_away_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OSIRIS_GATEWAY_URL", "http://127.0.0.1:9")
    assert main(["ask", "hi"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("osiris: expected an answer from the gateway at http://127.0.0.1:9, got:")
    assert said.count("\n") == 1


@given(st.lists(st.lists(st.text(alphabet="ab: {}", min_size=1), min_size=1, max_size=3), max_size=5))
def test_events_come_out_as_they_went_in(events: list[list[str]]) -> None:
    wire = [line for event in events for line in [*(f"data: {part}" for part in event), ": comment", "id: 1", ""]]
    assert list(sse_data(wire)) == ["\n".join(event) for event in events]
