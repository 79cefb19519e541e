"""The gateway that hostile clients meet: without models, so whatever passes its checks is answered with 503."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from osiris_gateway.app import build
from osiris_gateway.settings import GatewaySettings

Door = Callable[..., AbstractAsyncContextManager[int]]


@pytest.fixture
def door(redis_url: str) -> Door:
    """Opens a gateway with these settings; yields its port."""

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[int]:
        service = build(GatewaySettings(redis_url=redis_url, probe_port=0, drain_seconds=0.2, **settings))
        async with service.running(probes=True):
            port = urlsplit(service.presence().probe_url or "").port
            assert port is not None
            yield port

    return opened
