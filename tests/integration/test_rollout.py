"""A published version comes into use under load, and goes back by itself when its owner does not like it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tests.support.desk import services
from tests.support.processes import Process, until
from tests.support.versions import cut_short, version

from osiris_contracts import Feedback, GenerateRequest, GenerateResult, ProposalCreated, streams
from osiris_inference.model_store import ModelStore
from osiris_inference.rollout import Rollouts, Stage
from osiris_mesh import Bus
from osiris_trainer.night.publish import announce, install

pytestmark = [pytest.mark.long, pytest.mark.timeout(400), pytest.mark.xdist_group("models")]

CLIENTS = 4
QUICK = {"OSIRIS_PHI3_FEW_SHOT": "off", "OSIRIS_LOG_LEVEL": "info"}


class Desk:
    """What a desk does with phi3, and its owner with what phi3 proposes."""

    def __init__(self, bus: Bus, models: Path) -> None:
        self.bus = bus
        self.models = models
        self.staged = models.parent / "staged"
        self.rollouts = Rollouts(models, "phi3")

    async def ask(self, number: int) -> GenerateResult:
        request = GenerateRequest(prompt=f"SPY close {500 + number}, trend up.", ticker="SPY", max_length=16)
        return await self.bus.ask(streams.PHI3_REQUESTS, request, timeout=200)

    async def propose(self, number: int) -> tuple[UUID, GenerateResult]:
        answer = await self.ask(number)
        assert answer.proposal is not None
        created = ProposalCreated(
            transaction_id=uuid4(),
            created_at=datetime.now(UTC),
            origin="gateway",
            prompt="SPY?",
            proposal=answer.proposal,
            model_version=answer.model_version,
        )
        await self.bus.publish(streams.PROPOSAL_CREATED, created)
        return created.transaction_id, answer

    async def correct(self, transaction: UUID, answer: GenerateResult) -> None:
        feedback = Feedback(
            transaction_id=transaction,
            feedback_id=uuid4(),
            received_at=datetime.now(UTC),
            feedback_type="correction",
            feedback_content="no",
            corrected_proposal=answer.proposal,
        )
        await self.bus.publish(streams.FEEDBACK_SUBMITTED, feedback)

    async def publish(self, name: str) -> Path:
        source = ModelStore(self.models).embedded()
        folder = install(version(source, self.staged / name), self.models, "phi3")
        await self.announce(folder)
        return folder

    async def announce(self, folder: Path) -> None:
        await announce(self.bus, folder, "phi3", 0.9, lambda: datetime.now(UTC))

    async def reaches(self, name: str, stage: Stage) -> None:
        async def there() -> bool:
            found = self.rollouts.read()
            return found is not None and (found.version, found.stage) == (name, stage)

        await until(there, timeout=200, what=f"{name} to be {stage}")

    async def answers_from(self, name: str) -> None:
        async def look() -> bool:
            return (await self.ask(0)).model_version == name

        await until(look, timeout=60, what=f"{name} to answer")


@pytest.fixture
async def desk(redis_url: str, tmp_path: Path, models_root: Path) -> AsyncIterator[Desk]:
    models = tmp_path / "models"
    (models / "embedded").parent.mkdir()
    (models / "embedded").symlink_to(models_root / "embedded")
    async with Bus(redis_url, "test") as bus:
        yield Desk(bus, models)


async def test_a_canary_answers_its_share_then_all_and_no_request_fails(
    redis_url: str, tmp_path: Path, desk: Desk
) -> None:
    settings = QUICK | {"OSIRIS_PHI3_CANARY_SHARE": "0.4", "OSIRIS_PHI3_CANARY_ANSWERS": "10"}
    async with services(redis_url, tmp_path / "home", desk.models, "phi3", **settings) as running:
        old = (await desk.ask(0)).model_version
        versions: set[str] = set()
        done = asyncio.Event()

        async def ask_on(number: int) -> None:
            while not done.is_set():
                versions.add((await desk.propose(number))[1].model_version)
                number += CLIENTS

        async with asyncio.TaskGroup() as load:  # it would raise what failed
            for number in range(CLIENTS):
                load.create_task(ask_on(number))
            await desk.publish("v2")
            await desk.reaches("v2", "watched")
            await desk.answers_from("v2")
            done.set()
        assert versions == {old, "v2"}
        log = running["phi3"].log()
        assert log.index("canary loaded") < log.index("promoted") < log.index("version loaded")


async def test_a_version_whose_owner_corrects_it_is_rolled_back(redis_url: str, tmp_path: Path, desk: Desk) -> None:
    async with services(redis_url, tmp_path / "home", desk.models, "phi3", **QUICK) as running:
        before = await asyncio.gather(*(desk.propose(number) for number in range(12)))
        old = before[0][1].model_version
        await desk.publish("v2")
        await desk.answers_from("v2")
        for transaction, answer in await asyncio.gather(*(desk.propose(number) for number in range(12))):
            assert answer.model_version == "v2"
            await desk.correct(transaction, answer)
        await desk.reaches("v2", "withdrawn")
        await desk.answers_from(old)
        assert "of 12, the version before 12 of 12: -" in (desk.rollouts.read() or pytest.fail("none")).reason
        running["phi3"].kill()
        running["phi3"].start()
        await running["phi3"].ready()
        assert (await desk.ask(0)).model_version == old  # it does not come back


async def test_what_is_no_model_is_never_served(redis_url: str, tmp_path: Path, desk: Desk) -> None:
    store = ModelStore(desk.models)
    (desk.models / "phi3" / "holiday-pictures").mkdir(parents=True)
    async with services(redis_url, tmp_path / "home", desk.models, "phi3", **QUICK) as running:
        old = (await desk.ask(0)).model_version
        broken = cut_short(install(version(store.embedded(), desk.staged / "v2"), desk.models, "phi3"))
        await desk.announce(broken)
        store.set_current("phi3", store.embedded())
        store.set_current("phi3", broken)  # behind everybody's back

        async def refused() -> bool:
            log = running["phi3"].log()
            return "published version refused" in log and "version refused, the old one stays" in log

        await until(refused, what="both ways to be refused")
        assert (await desk.ask(1)).model_version == old
        running["phi3"].kill()
        running["phi3"].start()
        await running["phi3"].ready()
        assert (await desk.ask(2)).model_version == old  # the version before, while the current one is no use
        log = running["phi3"].log()
        assert log.count("holiday-pictures") == 2  # once a start
        assert desk.rollouts.read() is None


async def test_kill_nine_while_a_version_comes_into_use(redis_url: str, tmp_path: Path, desk: Desk) -> None:
    process = Process("phi3", redis_url, tmp_path / "home", OSIRIS_MODELS=str(desk.models), **QUICK)
    with process:
        await process.ready()
        old = (await desk.ask(0)).model_version
        for number, seconds in enumerate((0.3, 1.5)):
            name = f"v{number}"
            await desk.publish(name)
            await asyncio.sleep(seconds)
            process.kill()
            process.start()
            await process.ready()
            assert (await desk.ask(number)).model_version in (old, name)
            await desk.answers_from(name)
            old = name
