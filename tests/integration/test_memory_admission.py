"""A request that would take too much memory is refused over HTTP, with the numbers; the others go on."""

from pathlib import Path

from tests.support.desk import services
from tests.support.gateways import door, problem
from tests.support.metrics import samples

from osiris_contracts import Presence
from osiris_mesh.connection import connect
from osiris_mesh.presence import alive

MIB = 2**20


async def _hermes(redis_url: str) -> Presence:
    redis = connect(redis_url)
    found = await alive(redis, "hermes")  # one that was killed is told of for some seconds more
    await redis.aclose()
    return max(found, key=lambda presence: presence.started_at)


async def test_a_request_past_the_budget_is_refused_with_the_numbers(
    redis_url: str, tmp_path: Path, models_root: Path
) -> None:
    async with services(redis_url, tmp_path, models_root, "hermes"):
        idle = (await samples(await _hermes(redis_url)))["osiris_engine_memory_predicted_bytes"]
    budget = {"OSIRIS_HERMES_MEMORY_BUDGET_MIB": str(round(idle / MIB) + 45)}  # 1,000 tokens of keys and values
    async with services(redis_url, tmp_path, models_root, "hermes", **budget), door(redis_url) as http:
        body = {"prompt": "What is a stop?", "max_length": 8}
        assert (await http.post("/generate/", json=body)).status_code == 200
        told = problem(await http.post("/generate/", json=body | {"max_length": 1_900}), 422, "memory_exceeded")
        assert (
            f"at most {budget['OSIRIS_HERMES_MEMORY_BUDGET_MIB']} MiB" in told.detail
            and "ask for at most" in told.detail
        )
        assert (await http.post("/generate/", json=body)).status_code == 200
        hermes = await _hermes(redis_url)
        engine = await samples(hermes)
        assert engine["osiris_engine_memory_workspace_bytes"] > 0
        assert engine["osiris_engine_memory_measured_bytes"] > idle / 2
