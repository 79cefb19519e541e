"""Reading streams over a real Redis, without a group."""

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_mesh import feed
from osiris_mesh.connection import connect


async def test_it_reads_several_streams_in_the_order_things_happened(server: EmbeddedRedis) -> None:
    redis = connect(server.url)
    for index, stream in enumerate(("market.fills", "advice.generated", "market.fills")):
        await redis.xadd(stream, {"data": str(index)}, id=f"{index + 1}-0")
    after = dict.fromkeys(("market.fills", "advice.generated"), feed.START)
    async for entries in feed.follow(redis, after, block_seconds=0.05):
        assert [(entry.stream, entry.text["data"]) for entry in entries] == [
            ("market.fills", "0"),
            ("advice.generated", "1"),
            ("market.fills", "2"),
        ]
        break
    await redis.aclose()


async def test_it_begins_where_it_is_told_and_says_when_nothing_comes(server: EmbeddedRedis) -> None:
    redis = connect(server.url)
    await redis.xadd("market.ticks", {"data": "old"})
    after = await feed.last_ids(redis, "market.ticks", "not.there")
    following = feed.follow(redis, after, block_seconds=0.05)
    assert await anext(following) == []
    await redis.xadd("market.ticks", {"data": b"\xff new"})
    [entry] = await anext(following)
    assert entry.text == {"data": "\\xff new"}
    await redis.aclose()
