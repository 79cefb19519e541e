"""Well-formed HTTP with a hostile inside: paths, bodies, headers."""

import json
import time
from typing import Any

import httpx
import pytest
from tests.hostile.conftest import Door
from tests.hostile.raw_http import post, send

from osiris_contracts import Problem

NO_MODEL = 503
BIG = 10**400
FEEDBACK = {
    "transaction_id": "018f3c1e-0000-7000-8000-000000000000",
    "feedback_type": "qualitative_comment",
    "feedback_content": 1,
}


def nested(depth: int) -> bytes:
    """`depth` lists in each other."""
    return b"[" * depth + b"]" * depth


def feedback(content: bytes) -> bytes:
    """A feedback whose content, which may be any JSON, is this."""
    return json.dumps({**FEEDBACK, "feedback_content": "HERE"}).encode().replace(b'"HERE"', content)


BODIES = {
    "deep lists": (b'{"prompt":' + nested(200) + b"}", 400, "deep"),
    "very deep lists": (b'{"prompt":' + nested(100_000) + b"}", 400, "deep"),
    "deep objects": (b'{"prompt":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}", 400, "deep"),
    "deep and unfinished": (b'{"prompt":' + b"[" * 500_000, 400, "deep"),
    "brackets in a text are no depth": (json.dumps({"prompt": "[" * 50_000}).encode(), NO_MODEL, ""),
    "NaN": (b'{"prompt":"x","temperature":NaN}', 400, "JSON"),
    "Infinity": (b'{"prompt":"x","temperature":Infinity}', 400, "JSON"),
    "minus Infinity": (b'{"prompt":"x","temperature":-Infinity}', 400, "JSON"),
    "infinity by overflow": (b'{"prompt":"x","temperature":1e999}', 400, "JSON"),
    "a huge integer": (b'{"prompt":"x","max_length":' + str(BIG).encode() + b"}", 422, "max_length"),
    "an integer of 100,000 digits": (b'{"prompt":"x","max_length":' + b"9" * 100_000 + b"}", 400, ""),
    "a number of 100,000 digits": (b'{"prompt":"x","temperature":0.' + b"9" * 100_000 + b"}", NO_MODEL, ""),
    "a seed beyond 64 bits": (b'{"prompt":"x","seed":18446744073709551616}', 422, "seed"),
    "no UTF-8": (b'{"prompt":"\xff\xfe"}', 400, "UTF-8"),
    "overlong UTF-8": (b'{"prompt":"\xc0\xaf"}', 400, "UTF-8"),
    "half a surrogate": (b'{"prompt":"\\ud800"}', 400, ""),
    "half a surrogate in a key": (b'{"prompt":"x","\\udfff":1}', 400, ""),
    "a null in a text": (b'{"prompt":"a\\u0000b"}', NO_MODEL, ""),
    "UTF-16": ('{"prompt":"x"}'.encode("utf-16"), 400, ""),
    "a byte order mark": (b'\xef\xbb\xbf{"prompt":"x"}', 400, ""),
    "nothing": (b"", 422, "body"),
    "white space": (b" \n\t", 400, "JSON"),
    "two documents": (b'{"prompt":"x"}{"prompt":"y"}', 400, "JSON"),
    "a comment": (b'{"prompt":"x"/**/}', 400, "JSON"),
    "a comma too many": (b'{"prompt":"x",}', 400, "JSON"),
    "the last of two keys counts": (b'{"prompt":"","prompt":"x"}', NO_MODEL, ""),
    "and a bad last one too": (b'{"prompt":"x","prompt":""}', 422, "prompt"),
    "many keys": (json.dumps({"prompt": "x", **{str(n): n for n in range(50_000)}}).encode(), 422, ""),
    "a long key": (json.dumps({"prompt": "x", "k" * 500_000: 1}).encode(), 422, ""),
}


@pytest.mark.parametrize("path", ["/generate", "/v1/completions"])
async def test_a_hostile_body_is_a_problem_of_the_client(door: Door, path: str) -> None:
    async with door() as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
        for kind, (given, expected, told) in BODIES.items():
            body = given.replace(b"{", b'{"model":"hermes",', 1) if path.startswith("/v1") else given
            begun = time.monotonic()
            answer = await http.post(path, content=body, headers={"content-type": "application/json"})
            assert time.monotonic() - begun < 5, kind
            status = 400 if path.startswith("/v1") and expected == 422 else expected
            if path.startswith("/v1") and kind in ("nothing", "a long key", "many keys", "a huge integer"):
                assert 400 <= answer.status_code < 500, (kind, answer.text[:500])
                continue
            assert answer.status_code == status, (kind, answer.text[:500])
            assert len(answer.content) < 20_000, kind
            assert told.lower() in answer.text.lower(), (kind, answer.text[:500])


async def test_any_json_may_be_feedback_and_none_is_too_much(door: Door) -> None:
    contents: dict[str, tuple[bytes, int]] = {
        "as deep as may be": (nested(60), 404),  # it passed: only nobody made that proposal
        "deeper": (nested(100), 400),
        "very deep": (nested(100_000), 400),
        "a huge integer": (str(BIG).encode(), 404),
        "an integer of 100,000 digits": (b"9" * 100_000, 400),
        "the largest number": (b"1.7976931348623157e308", 404),
        "NaN": (b"NaN", 400),
        "half a surrogate": (b'"\\ud800"', 400),
        "many numbers": (b"[" + b"1," * 200_000 + b"1]", 404),
    }
    async with door() as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
        for kind, (content, status) in contents.items():
            body = feedback(content)
            answer = await http.post("/feedback/phi3", content=body, headers={"content-type": "application/json"})
            assert answer.status_code == status, (kind, answer.text[:300])
            Problem.model_validate_json(answer.content)


TRAVERSALS = (
    "/docs/assets/../../../../../../etc/passwd",
    "/docs/assets/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/docs/assets/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/docs/assets/..%252f..%252fetc%252fpasswd",
    "/docs/assets/..\\..\\..\\etc\\passwd",
    "/docs/assets/..%5c..%5c..%5cetc%5cpasswd",
    "/docs/assets//etc/passwd",
    "/docs/assets/%00/etc/passwd",
    "/docs/assets/swagger-ui.css%00.html",
    "/docs/assets/....//....//etc/passwd",
    "/docs/assets/%c0%ae%c0%ae/etc/passwd",
    "/docs/assets/" + "a" * 5_000,
    "/docs/assets/../__init__.py",
    "/../../etc/passwd",
    "/v1/models/..%2f..%2fetc%2fpasswd",
    "/v1/models/%00",
    "/v1/models/%ff%fe",
    "//evil.example/health",
    "/%2e%2e/%2e%2e/etc/passwd",
    "http://evil.example/etc/passwd",
    "/health?" + "x=1&" * 5_000,
)


async def test_no_path_leads_out_of_the_house(door: Door) -> None:
    async with door() as port:
        for path in TRAVERSALS:
            request = f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode("latin-1")
            answer = await send(port, request, wait=5)
            assert answer.closed, path
            assert b"root:" not in answer.raw, path
            assert answer.statuses[0] in (200, 400, 404, 405), (path, answer.raw[:300])
            assert answer.statuses[0] != 200 or path.startswith("/health?"), path


HEADERS = {
    "an empty key": ("Idempotency-Key: ", 422),
    "a long key": (f"Idempotency-Key: {'k' * 201}", 422),
    "a key of bytes": ("Idempotency-Key: \xff\xfe", NO_MODEL),
    "a place that is none": ("Last-Event-ID: ../../1", 422),
    "a deadline that is none": ("X-Osiris-Deadline-Ms: NaN", 422),
    "a deadline of 5,000 digits": (f"X-Osiris-Deadline-Ms: {'9' * 5_000}", 422),
    "a deadline before now": ("X-Osiris-Deadline-Ms: -1", 422),
    "a priority that is none": ("X-Osiris-Priority: root", 422),
    "a null byte": ("X-Osiris-Priority: \x00", 400),
    "a second host": ("host: evil.example", 403),
    "a forwarded path": ("X-Original-URL: /admin", NO_MODEL),
    "another method": ("X-HTTP-Method-Override: DELETE", NO_MODEL),
    "an upgrade": ("Upgrade: h2c", NO_MODEL),
    "a web socket": ("Upgrade: websocket\r\nConnection: Upgrade", 422),  # what follows is no body
    "another type, too": ("content-type: text/plain", 415),
    "an encoding": ("Content-Encoding: gzip", NO_MODEL),
    "a range": ("Range: bytes=0-18446744073709551615", NO_MODEL),
}


async def test_a_hostile_header_is_refused_or_means_nothing(door: Door) -> None:
    async with door() as port:
        for kind, (header, status) in HEADERS.items():
            request = post("/generate", b'{"prompt":"x"}').replace(
                b"host: localhost\r\n",
                b"host: localhost\r\n" + header.encode("latin-1") + b"\r\nconnection: close\r\n",
                1,
            )
            answer = await send(port, request, wait=5)
            assert answer.statuses == [status], (kind, answer.raw[:400])


async def test_a_body_has_its_size_whether_its_length_is_told_or_not(door: Door) -> None:
    async with door(max_body_bytes=2_048) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        long = b'{"prompt":"' + b"x" * 3_000 + b'"}'

        async def pieces() -> Any:
            for begin in range(0, len(long), 500):
                yield long[begin : begin + 500]

        for content in (long, pieces()):
            answer = await http.post("/generate", content=content, headers={"content-type": "application/json"})
            assert answer.status_code == 413
            assert Problem.model_validate_json(answer.content).code == "request_entity_too_large"
