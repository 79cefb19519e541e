"""The URL of a Redis behind Sentinel: who is asked which server is the master now, and what that one is called."""

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote

from redis.asyncio.connection import parse_url

SCHEME, TLS_SCHEME = "redis+sentinel://", "rediss+sentinel://"
EXPECTED = f"{SCHEME}USER:PASSWORD@HOST:PORT,HOST:PORT/MASTER/0, or {TLS_SCHEME}…?ssl_ca_certs=FILE for TLS"

_DEFAULT_PORT = 26_379


@dataclass(frozen=True, slots=True)
class SentinelUrl:
    """What such a URL says.

    Attributes:
        sentinels: hosts and ports of the Sentinels, which are asked without a password.
        master: the name under which they know the master.
        username, password: of the Redis servers.
        tls: what both kinds of server are spoken to with, as redis-py names it; empty: no TLS.
    """

    sentinels: tuple[tuple[str, int], ...]
    master: str
    database: int = 0
    username: str | None = None
    password: str | None = None
    tls: dict[str, object] = field(default_factory=dict)

    @classmethod
    def read(cls, url: str) -> Self | None:
        """Read a URL; None when it is of another kind.

        Raises:
            ValueError: it begins like one and is none.
        """
        if not url.startswith((SCHEME, TLS_SCHEME)):
            return None
        scheme, _, rest = url.partition("://")
        place, _, query = rest.partition("?")
        address, _, path = place.partition("/")
        user, _, nodes = address.rpartition("@")
        name, _, password = user.partition(":")
        master, _, database = path.partition("/")
        if not (nodes and master and (database or "0").isdigit()):
            raise ValueError(f"expected {EXPECTED}")
        return cls(
            sentinels=tuple(map(_node, nodes.split(","))),
            master=master,
            database=int(database or 0),
            username=unquote(name) or None,
            password=unquote(password) or None,
            tls=_tls(query, asked=f"{scheme}://" == TLS_SCHEME),
        )

    @property
    def options(self) -> dict[str, object]:
        """What a connection to the master itself needs, as redis-py names it."""
        given = {"username": self.username, "password": self.password, "db": self.database}
        return {name: value for name, value in given.items() if value is not None} | self.tls


def _node(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if ":" in text else (text, "", str(_DEFAULT_PORT))
    if not (host and port.isdigit() and 0 < int(port) < 65_536):
        raise ValueError(f"expected {EXPECTED}")
    return host, int(port)


def _tls(query: str, *, asked: bool) -> dict[str, object]:
    """The options that `rediss://` has as well; each begins with ssl_."""
    given: dict[str, object] = dict(parse_url(f"redis://?{query}"))
    if any(not (asked and name.startswith("ssl_")) for name in given):
        raise ValueError(f"expected {EXPECTED}")
    return {"ssl": True} | given if asked else {}
