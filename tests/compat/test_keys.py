"""Keys and limits on every server the mesh is made for: they are scripts, and servers differ in what scripts may do."""

from datetime import UTC, datetime

import pytest
from tests.support.gateways import added, key_ring

from osiris_contracts import ApiKey
from osiris_mesh import Bus
from osiris_mesh.http.limiter import Limiter
from osiris_mesh.http.limits import Limit, RateLimited

pytestmark = [pytest.mark.slow]


async def test_keys_are_added_and_revoked(url: str) -> None:
    async with key_ring(url) as ring:
        assert not (await ring.read()).asks
        await added(url, "one")
        first = await ring.version()
        assert [key.name for key in (await ring.read()).keys] == ["one"]
        assert not await ring.revoke("two") and await ring.version() == first
        assert await ring.revoke("one") and await ring.version() != first
        assert (await ring.read()).asks
        await ring.open()
        assert not (await ring.read()).asks


async def test_a_limit_is_taken_refused_and_given_back(url: str) -> None:
    key = ApiKey(name="x", digest="0" * 64, scopes=("generate",), created_at=datetime.now(UTC))
    limit = Limit("tokens", 60)
    async with Bus(url, "test") as bus:
        limiter = Limiter(bus.writer, requests_per_minute=None, tokens_per_minute=60)
        assert (await limiter.take(key, limit, 60)).remaining == 0
        with pytest.raises(RateLimited) as refused:
            await limiter.take(key, limit, 30)
        assert 29 <= refused.value.reading.retry_after <= 30
        limiter.charge(key, limit, -30)
        assert (await limiter.take(key, limit, 30)).remaining in (0, 1)
