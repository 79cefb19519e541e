"""The key that callers beyond loopback need."""

import hmac
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers.base import BaseRouteHandler
from litestar.types import Guard
from pydantic import SecretStr

_SCHEME = "bearer "


def key_guard(key: SecretStr) -> Guard:
    """A guard that lets through who sends `Authorization: Bearer <key>`."""
    expected = key.get_secret_value().encode()

    async def check(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        sent = connection.headers.get("authorization", "")
        given = sent[len(_SCHEME) :].encode() if sent.lower().startswith(_SCHEME) else b""
        if not hmac.compare_digest(given, expected):
            raise NotAuthorizedException(
                "expected the gateway's key as 'Authorization: Bearer …'", headers={"www-authenticate": "Bearer"}
            )

    return check
