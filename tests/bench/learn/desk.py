"""A running desk with a home of its own, spoken to over HTTP, and its nights."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import httpx
from tests.support.processes import Process, until

from osiris_contracts import Proposal
from osiris_mesh.connection import connect
from osiris_mesh.presence import alive

_AT_ONCE = 8
_PATIENCE = 300.0

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Proposed:
    """An answer of the desk; None: no valid proposal."""

    transaction: UUID
    proposal: Proposal | None


@dataclass(frozen=True, slots=True)
class Home:
    """Where one trainer writes, and where the models are that its nights begin with and publish."""

    redis_url: str
    folder: Path
    models: Path

    @property
    def environment(self) -> dict[str, str]:
        """For processes of this home."""
        return {
            "OSIRIS_REDIS_URL": self.redis_url,
            "OSIRIS_HOME": str(self.folder),
            "OSIRIS_MODELS": str(self.models),
        }

    def process(self, service: str, **environment: str) -> Process:
        """A service of this home."""
        models = {"OSIRIS_MODELS": str(self.models)}
        return Process(service, self.redis_url, self.folder, leashed=True, **models, **environment)

    async def recorded(self, count: int) -> None:
        """Until the trainer has written so much feedback."""

        async def there() -> bool:
            log = self.folder / "data" / "phi3_feedback_data.jsonl"  # written when the table has it
            return log.is_file() and log.read_bytes().count(b"\n") >= count

        await until(there, timeout=_PATIENCE, what=f"{count} corrections in the store")

    async def night(self, python: Path) -> str:
        """One night, its progress shown; returns what it says in the end.

        Raises:
            SystemExit: it failed.
        """
        child = await asyncio.create_subprocess_exec(
            str(python),
            "-m",
            "osiris_trainer",
            "--once",
            env=os.environ | self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=sys.stderr,
        )
        said, _ = await child.communicate()
        if child.returncode:
            raise SystemExit(f"expected a night that ends, it ended with exit code {child.returncode}")
        return said.decode().strip()


async def version_of_phi3(redis_url: str) -> str | None:
    """The version that answers."""
    redis = connect(redis_url)
    try:
        found = await alive(redis, "phi3")
        return next((each.model.version for each in found if each.model), None)
    finally:
        await redis.aclose()


async def gateway_url(redis_url: str) -> str:
    """Where the gateway listens."""
    redis = connect(redis_url)
    try:
        found = await alive(redis, "gateway")
        return next(each.probe_url for each in found if each.probe_url)
    finally:
        await redis.aclose()


async def propose(http: httpx.AsyncClient, prompts: Sequence[str]) -> list[Proposed]:
    """The desk's proposals; its critiques are cut short, since nobody reads them here."""

    async def one(prompt: str) -> Proposed:
        answer = await http.post("/propose_trade_adjustments/", json={"prompt": prompt, "max_length": 1})
        answer.raise_for_status()
        body = answer.json()
        return Proposed(UUID(body["transaction_id"]), Proposal.model_validate(body["phi3_proposal"]))

    return await _some_at_once(prompts, one, "proposed")


async def correct(http: httpx.AsyncClient, transactions: Sequence[UUID], corrections: Sequence[Proposal]) -> None:
    """Submit a correction of each."""

    async def one(pair: tuple[UUID, Proposal]) -> None:
        body = {
            "transaction_id": str(pair[0]),
            "feedback_type": "correction",
            "feedback_content": "Not so.",
            "corrected_proposal": pair[1].model_dump(mode="json"),
        }
        (await http.post("/feedback/phi3/", json=body)).raise_for_status()

    await _some_at_once(list(zip(transactions, corrections, strict=True)), one, "corrected")


async def _some_at_once(items: Sequence[Item], work: Callable[[Item], Awaitable[Made]], what: str) -> list[Made]:
    turns, done = asyncio.Semaphore(_AT_ONCE), 0

    async def one(item: Item) -> Made:
        nonlocal done
        async with turns:
            made = await work(item)
        done += 1
        if done % 10 == 0 or done == len(items):
            sys.stderr.write(f"  {what} {done} of {len(items)}\n")
        return made

    return list(await asyncio.gather(*map(one, items)))
