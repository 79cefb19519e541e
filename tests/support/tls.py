"""TLS before a Redis that speaks none, as that of the wheel."""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

_HANDSHAKE = b"\x16"  # what TLS begins with (RFC 8446, section 5.1)


def made_certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that signed itself, and its key beside it."""
    path = folder / "redis.pem"
    options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "redis.key"), "-out", str(path)]
    subprocess.run(["openssl", "req", *options, *names, *files], check=True, capture_output=True)
    return path


@asynccontextmanager
async def tls(certificate: Path, port: int) -> AsyncIterator[int]:
    """A door with TLS before a port, as stunnel is; yields its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    server = await asyncio.start_server(partial(_pass, port), "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def tls_or_none(certificate: Path, port: int) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A door before a port that takes both, for a Sentinel without TLS tells clients with TLS the port it uses itself;
    yields its own port, and what everybody began with who came without TLS."""
    plain: list[bytes] = []

    async def serve(with_tls: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun = await reader.read(65_536)
        hello = begun[:1] == _HANDSHAKE
        if begun and not hello:
            plain.append(begun)
        await _pass(with_tls if hello else port, reader, writer, begun)

    async with tls(certificate, port) as with_tls:
        server = await asyncio.start_server(partial(serve, with_tls), "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1], plain
        finally:
            server.close()


async def _pass(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, begun: bytes = b"") -> None:
    try:
        from_redis, to_redis = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.close()
        return
    to_redis.write(begun)
    await asyncio.gather(_pump(reader, to_redis), _pump(from_redis, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()
