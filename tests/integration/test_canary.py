"""A canary in a model service, on tiny models of random weights: its share, its promotion, and nothing fails."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.phi3_exports import write
from tests.support.phi3_model import Phi3, Size
from tests.support.processes import Process, until

from osiris_contracts import GenerateRequest, GenerateResult, streams
from osiris_inference.model_store import ModelStore
from osiris_inference.rollout import Rollouts
from osiris_inference.serving import ModelService, generation
from osiris_inference.settings import EngineSettings
from osiris_mesh import Bus, Delivery, Service


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for seed, name in enumerate(("old", "new")):
        write(tmp_path / "models" / "hermes" / name, Phi3(Size(), seed), "optimum")
    ModelStore(tmp_path / "models").set_current("hermes", tmp_path / "models" / "hermes" / "old")
    return tmp_path / "models"


@pytest.fixture
async def bus(redis_url: str, models: Path, tmp_path: Path) -> AsyncIterator[Bus]:
    settings = EngineSettings.model_validate(
        {"redis_url": redis_url, "home": tmp_path, "models": models, "context": 128, "threads": 1}
    )
    service = Service("hermes", settings)
    model = ModelService("hermes", settings, service)

    @service.consume(streams.HERMES_REQUESTS, GenerateRequest)
    async def answer(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        asked = generation(request, delivery, request.prompt or "", temperature=0)
        return await model.answer(asked, delivery, stream=False)

    async with service.running(), Bus(redis_url, "test") as found:
        yield found


async def versions(bus: Bus, count: int) -> list[str]:
    request = GenerateRequest(prompt="abc", max_length=4)
    asked = (bus.ask(streams.HERMES_REQUESTS, request, timeout=60) for _ in range(count))
    return [each.model_version for each in await asyncio.gather(*asked)]


async def test_a_canary_answers_its_share_and_no_request_fails_when_it_is_promoted(bus: Bus, models: Path) -> None:
    rollouts, place = Rollouts(models, "hermes"), models / "hermes"
    assert set(await versions(bus, 5)) == {"old"}
    begun = rollouts.begin(place / "new", place / "old", share=0.3)

    async def both() -> bool:
        return set(await versions(bus, 20)) == {"old", "new"}

    await until(both, what="the canary to answer")
    answered = await versions(bus, 200)
    assert 30 < answered.count("new") < 90

    load = asyncio.create_task(versions(bus, 200))
    promoted = rollouts.promote(begun)
    assert promoted is not None
    assert set(await load) <= {"old", "new"}  # and none failed

    async def all_new() -> bool:
        return set(await versions(bus, 20)) == {"new"}

    await until(all_new, what="the promotion")
    load = asyncio.create_task(versions(bus, 200))
    assert rollouts.withdraw(promoted, "worse") is not None

    async def all_old() -> bool:
        return set(await versions(bus, 20)) == {"old"}

    await until(all_old, what="the way back")
    assert set(await load) <= {"old", "new"}


async def test_after_kill_nine_a_broken_version_is_passed_over_and_strangers_are_one_line_each(
    redis_url: str, models: Path, tmp_path: Path
) -> None:
    store, place = ModelStore(models), models / "hermes"
    (place / "holiday-pictures").mkdir()
    settings = {"OSIRIS_MODELS": str(models), "OSIRIS_HERMES_CONTEXT": "128"}
    process = Process("hermes", redis_url, tmp_path / "home", **settings)
    with process:
        async with Bus(redis_url, "test") as bus:

            async def answers(name: str) -> bool:
                found = await bus.instances("hermes")
                return any(each.model and each.model.version == name for each in found)

            await process.ready()
            store.set_current("hermes", place / "new")
            process.kill()  # in the middle of loading it, or before
            process.start()
            await process.ready()
            await until(lambda: answers("new"), what="the new version after the kill")
            (place / "broken").mkdir()
            (place / "broken" / "config.json").write_text("{}")
            store.set_current("hermes", place / "broken")
            process.kill()
            process.start()
            await process.ready()
            await until(lambda: answers("new"), what="the version before")
            log = process.log()
    assert log.count("holiday-pictures") == 3  # once a start
    assert log.count("version refused, trying the one before") == 1
