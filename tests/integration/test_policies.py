"""The desk's policy changes while it runs: a signed version takes over between two runs, any other is refused."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.policies import manifest_of, put, variant
from tests.support.processes import Process, until

from osiris_contracts import Decision, PolicyVersion, Trace, streams
from osiris_desk.market.bundled import BUNDLED_SYMBOL, bundled_csv
from osiris_desk.market.csv_file import read
from osiris_desk.market.ticks import ticks_of
from osiris_desk.policy.shipped import TREND, code_of
from osiris_desk.policy.signing import private_key
from osiris_desk.policy.store import PolicyStore
from osiris_mesh import DeadLetters
from osiris_mesh.connection import connect
from osiris_mesh.envelope import parse
from osiris_versions import Pointers

QUICK = {"OSIRIS_ORCHESTRATOR_FILL_TIMEOUT_SECONDS": "0.1", "OSIRIS_ORCHESTRATOR_MODEL_TIMEOUT_SECONDS": "0.5"}
"""Nobody else is here to answer."""


async def messages(redis: Any, stream: str) -> list[bytes]:
    return [parse(fields).data for _, fields in await redis.xrange(stream)]


class Feed:
    """Sends the bundled bars, five a run, and reads what was decided on them."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self._ticks = iter(ticks_of(read(bundled_csv()).bars, BUNDLED_SYMBOL, 0))
        self._runs = 0

    async def run(self) -> Decision:
        for _ in range(5):
            await self._redis.xadd(streams.MARKET_TICKS, {"data": next(self._ticks).json})
        self._runs += 1

        async def decided() -> bool:
            return len(await messages(self._redis, streams.ADVICE_GENERATED)) >= self._runs

        await until(decided, what=f"run {self._runs}")
        return Decision.model_validate_json((await messages(self._redis, streams.ADVICE_GENERATED))[-1])


async def tell(redis: Any, version: str) -> None:
    """As the kernel does once the store points to another version."""
    told = PolicyVersion(version=version, stage="current", reason="a test", changed_at=datetime.now(UTC))
    await redis.xadd(streams.POLICY_VERSIONS, {"data": told.model_dump_json()})


async def test_a_signed_version_takes_over_between_two_runs_and_no_other(redis_url: str, tmp_path: Path) -> None:
    redis, home = connect(redis_url), tmp_path / "home"
    store = PolicyStore(home / "policies", home / "keys" / "policy.pub")
    key = private_key(home / "keys" / "policy")
    trend = put(store, code_of(TREND))
    store.use(trend)
    with Process("orchestrator", redis_url, home, **QUICK) as desk:
        await desk.ready()
        feed = Feed(redis)
        first = await feed.run()
        assert (first.policy_version, first.status, first.phi3_version) == (trend, "passed", None)

        better = put(store, variant("ENTRY = 1.0", "ENTRY = 0.9"), key)
        store.use(better)
        assert (await feed.run()).policy_version == trend, "nobody told it yet"
        await tell(redis, better)
        assert (await feed.run()).policy_version == better

        unsigned = put(store, variant("ENTRY = 1.0", "ENTRY = 0.8"))
        Pointers(home / "policies").use(store.folder(unsigned))
        await tell(redis, unsigned)
        await redis.xadd(streams.POLICY_VERSIONS, {"data": "{}"})
        assert (await feed.run()).policy_version == better
        assert "it has no signature" in desk.log()
        assert len(await DeadLetters(redis).list(streams.POLICY_VERSIONS)) == 1

        desk.kill()
        (store.folder(better) / "policy.py").write_bytes(variant("ENTRY = 1.0", "ENTRY = 0.7"))
        Pointers(home / "policies").use(store.folder(better))
        desk.start()
        await desk.ready()
        last = await feed.run()
        assert last.sequence == 5
        assert (last.policy_version, last.status) != (better, "passed"), "its code was touched"
        assert f"expected the code of version {better}" in desk.log()

    traces = [Trace.model_validate_json(each) for each in await messages(redis, streams.POLICY_TRACES)]
    decisions = [Decision.model_validate_json(each) for each in await messages(redis, streams.ADVICE_GENERATED)]
    await redis.aclose()
    assert {each.decision.policy_version for each in traces} == {trend, better}
    acted_on = [each for each in decisions if each.status in ("accepted", "passed")]
    assert [each.decision for each in traces] == acted_on, "one a decision, also across the kill"
    assert all(each.outcome.transaction_id == each.decision.run_id for each in traces)


async def test_a_failing_policy_is_a_failed_run(redis_url: str, tmp_path: Path) -> None:
    redis, home = connect(redis_url), tmp_path / "home"
    store = PolicyStore(home / "policies", home / "keys" / "policy.pub")
    code = variant("return SIZE", "return SIZE / 0")
    store.add(code, manifest := manifest_of(code, private_key(home / "keys" / "policy")))
    store.use(manifest.version)
    with Process("orchestrator", redis_url, home) as desk:
        await desk.ready()
        decision = await Feed(redis).run()
    await redis.aclose()
    assert (decision.status, decision.order) == ("failed", None)
    assert decision.error == "policy: ZeroDivisionError: float division by zero"
