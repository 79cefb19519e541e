"""Requests that are no HTTP, that never end, or that two readers would read in two ways."""

import asyncio
import time

import httpx
import pytest
from tests.hostile.conftest import Door
from tests.hostile.raw_http import post, send

GET = b"GET /health HTTP/1.1\r\nhost: localhost\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n"
BODY = b'{"prompt":"x"}'
HEAD = b"POST /generate HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"

AMBIGUOUS = {
    "length and chunked": HEAD + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": HEAD + b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + b"content-length: 4\r\ncontent-length: 14\r\n\r\n" + BODY,
    "a list of lengths": HEAD + b"content-length: 14, 14\r\n\r\n" + BODY,
    "a signed length": HEAD + b"content-length: +14\r\n\r\n" + BODY,
    "a hexadecimal length": HEAD + b"content-length: 0xe\r\n\r\n" + BODY,
    "a length beyond 64 bits": HEAD + b"content-length: 99999999999999999999\r\n\r\n" + BODY,
    "another encoding last": HEAD + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "two encodings": HEAD + b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
    "an encoding that is almost one": HEAD + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": HEAD + b"content-length : 14\r\n\r\n" + BODY,
    "obs-fold": HEAD + b"x-folded: one\r\n two\r\ncontent-length: 14\r\n\r\n" + BODY,
    "obs-fold of an encoding": HEAD + b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "bare LF between headers": b"GET /health HTTP/1.1\nhost: localhost\n\n",
    "bare LF in one header": GET + b"x-one: 1\nx-two: 2\r\n\r\n",
    "bare CR in a header": GET + b"x-one: 1\rx-two: 2\r\n\r\n",
    "a null in a header": GET + b"x-one: 1\x002\r\n\r\n",
    "a null in a name": GET + b"x\x00one: 1\r\n\r\n",
    "a header without a name": GET + b": 1\r\n\r\n",
    "a header without a colon": GET + b"nothing\r\n\r\n",
    "a chunk with a signed size": HEAD + b"transfer-encoding: chunked\r\n\r\n+e\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk ended by a bare LF": HEAD + b"transfer-encoding: chunked\r\n\r\ne\n" + BODY + b"\n0\n\n",
    "a chunk larger than 64 bits": HEAD + b"transfer-encoding: chunked\r\n\r\n1ffffffffffffffff\r\n" + BODY,
    "a space in the path": b"GET /health /x HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "another protocol": b"GET /health HTCPCP/1.0\r\nhost: localhost\r\n\r\n",
    "a made-up method": b"EVIL /health HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
    "HTTP/2 without asking": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.timeout(60)
async def test_what_can_be_read_in_two_ways_is_refused_and_ends_the_connection(door: Door) -> None:
    async with door() as port:
        for kind, request in AMBIGUOUS.items():
            answer = await send(port, request + SMUGGLED, wait=5)
            assert answer.closed, kind
            assert len(answer.statuses) == 1, (kind, answer.raw)
            assert 400 <= answer.statuses[0] < 500, (kind, answer.raw)
            assert b"smuggled" not in answer.raw, kind
            assert answer.problem["detail"], kind


async def test_what_is_well_formed_is_read(door: Door) -> None:
    async with door() as port:
        chunked = (
            HEAD + b"transfer-encoding: chunked\r\n\r\n7\r\n" + BODY[:7] + b"\r\n7\r\n" + BODY[7:] + b"\r\n0\r\n\r\n"
        )
        pipelined = await send(port, chunked + post("/generate", BODY) + GET + b"connection: close\r\n\r\n")
        assert pipelined.statuses == [503, 503, 200]  # no model is loaded here
        assert pipelined.closed


async def test_a_head_has_its_size(door: Door) -> None:
    async with door(max_head_bytes=4_096, max_headers=20) as port:
        for kind, request in {
            "a long path": b"GET /" + b"x" * 5_000 + b" HTTP/1.1\r\n\r\n",
            "a path that never ends": b"GET /" + b"x" * 300_000,
            "a header that never ends": GET + b"x: " + b"x" * 300_000,
            "a name that never ends": GET + b"x" * 300_000,
            "many headers": GET + b"".join(b"x-%d: 1\r\n" % number for number in range(30)) + b"\r\n",
            "headers that never end": GET + b"x: 1\r\n" * 30,
            "large headers": GET + b"".join(b"x-%d: %s\r\n" % (number, b"x" * 400) for number in range(15)) + b"\r\n",
        }.items():
            answer = await send(port, request)
            assert answer.closed, kind
            assert answer.statuses == [431], (kind, answer.raw)
            assert answer.problem["code"] == "request_header_fields_too_large"
        trailers = b"".join(b"x-%d: 1\r\n" % number for number in range(30))
        chunked = HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n" + trailers + b"\r\n"
        assert (await send(port, chunked)).closed


async def test_a_body_that_is_nothing_but_framing_ends(door: Door) -> None:
    """An extension of a chunk, or a trailer, may be as long as it likes; it is no body that the app could count."""
    async with door(max_body_bytes=1_024, body_seconds=30) as port:
        extension = HEAD + b"transfer-encoding: chunked\r\n\r\n1;" + b"x" * 200_000
        answer = await send(port, extension)
        assert answer.closed
        assert answer.statuses == [413]


async def test_a_client_that_takes_its_time_is_let_go(door: Door) -> None:
    """Slow loris: a byte now and then holds a connection for as long as the gateway allows, not as the client likes."""
    drip = [bytes([each]) for each in post("/generate", BODY)]
    async with door(head_seconds=0.4, body_seconds=0.6) as port:
        cases = {
            "nothing": (send(port, wait=3), []),
            "an empty line now and then": (send(port, *[b"\r\n"] * 20, pause=0.1, wait=3), [408]),
            "half a head": (send(port, HEAD, wait=3), [408]),
            "a head by the byte": (send(port, *drip, pause=0.05, wait=3), [408]),
            "half a body": (send(port, HEAD + b"content-length: 1000\r\n\r\nxxx", wait=3), [408]),
            "a body by the byte": (send(port, HEAD + b"content-length: 99\r\n\r\n", *[b"x"] * 40, pause=0.05), [408]),
            "half a second request": (send(port, GET + b"\r\n", GET, pause=0.1, wait=3), [200, 408]),
        }
        begun = time.monotonic()
        answers = await asyncio.gather(*(work for work, _ in cases.values()))
        assert time.monotonic() - begun < 8
        for (kind, (_, statuses)), answer in zip(cases.items(), answers, strict=True):
            assert answer.closed, kind
            assert answer.statuses == statuses, (kind, answer.raw)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:  # nobody else was kept waiting
            assert (await http.get("/health")).status_code == 200


async def test_more_clients_than_it_can_hold_are_told(door: Door) -> None:
    async with door(max_connections=5, head_seconds=5) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        refused = await send(port, GET + b"\r\n")
        assert refused.statuses == [503]
        assert refused.closed
        for _, writer in held:
            writer.transport.abort()
        await asyncio.sleep(0.1)
        assert (await send(port, GET + b"connection: close\r\n\r\n")).statuses == [200]


async def test_a_client_that_does_not_read_is_cut(door: Door) -> None:
    async with door(stalled_seconds=0.4) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_024)  # it buffers next to nothing
        large = b"GET /docs/assets/swagger-ui-bundle.js HTTP/1.1\r\nhost: localhost\r\n\r\n"
        writer.write(large * 50)  # 70 MB, more than the system takes
        await asyncio.sleep(1.5)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            while True:
                await asyncio.wait_for(reader.readexactly(65_536), 5)
        writer.transport.abort()
