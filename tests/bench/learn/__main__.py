"""`make learn-demo`: sixty corrections that follow a hidden rule, one night, and the desk before and after it.

Then the same night on corrections without meaning, which the gate has to refuse.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import fmean

import httpx
from tests.bench import page
from tests.bench.learn import desk, owner
from tests.bench.learn.desk import Home, Proposed
from tests.bench.learn.owner import Case
from tests.support.processes import until

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_inference.model_store import ModelStore
from osiris_mesh import logs
from osiris_trainer.night.judging.agreement import score

CORRECTIONS, HELD_OUT = 60, 20
_PATIENCE = 300.0
SERVICES = ("hermes", "phi3", "trainer", "gateway")


def counted(cases: Sequence[Case], answers: Sequence[Proposed]) -> tuple[str, str, str]:
    """Valid, rule kept, and agreement with what the owner would have said, as a table shows them."""
    proposals = [each.proposal for each in answers]
    valid = [each for each in proposals if each is not None]
    kept = sum(map(owner.keeps_the_rule, valid))
    agreed = fmean(score(each, case.right) for each, case in zip(proposals, cases, strict=True))
    return f"{len(valid)}/{len(cases)}", f"{kept}/{len(cases)}", f"{agreed:.2f}"


async def learn(url: str, scratch: Path, python: Path) -> list[str]:
    """Do all of it; returns the page's lines."""
    started = time.monotonic()

    def tell(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - started:6.0f} s  {text}\n")

    home = Home(url, scratch / "home", scratch / "models")
    other = Home(url, scratch / "other", scratch / "other-models")
    ModelStore(home.models).embedded(tell)
    other.models.mkdir()
    (other.models / "embedded").symlink_to(home.models / "embedded")
    taught, unseen = owner.taught(CORRECTIONS), owner.held_out(HELD_OUT)
    with ExitStack() as stack:
        running = {name: stack.enter_context(home.process(name, OSIRIS_PHI3_FEW_SHOT="off")) for name in SERVICES}
        for process in running.values():
            await process.ready(_PATIENCE)
        async with httpx.AsyncClient(base_url=await desk.gateway_url(url), timeout=300) as http:
            tell(f"{HELD_OUT} held-out situations, before")
            before = counted(unseen, await desk.propose(http, [each.prompt for each in unseen]))
            tell(f"{CORRECTIONS} proposals, and their owner's corrections")
            made = await desk.propose(http, [each.prompt for each in taught])
            transactions = [each.transaction for each in made]
            await desk.correct(http, transactions, [each.right for each in taught])
            await home.recorded(CORRECTIONS)
            tell("one night")
            night, seconds = await _timed(home, python)
            if "published" in night:
                await _swapped(url, night)
            tell(f"{HELD_OUT} held-out situations, after")
            after = counted(unseen, await desk.propose(http, [each.prompt for each in unseen]))

            tell("the same night on corrections without meaning")
            running["trainer"].terminate()
            trainer = stack.enter_context(other.process("trainer"))
            await trainer.ready(_PATIENCE)
            proposed = [each.proposal for each in made if each.proposal is not None]
            await desk.correct(http, transactions, owner.meaningless(taught, proposed))
            await other.recorded(CORRECTIONS)
            shuffled, its_seconds = await _timed(other, python)
    tell("done")
    return [
        f"| held-out prompts, {HELD_OUT} of unseen tickers | valid | rule kept | agreement with the owner |",
        "|---|---|---|---|",
        f"| before | {' | '.join(before)} |",
        f"| after the night | {' | '.join(after)} |",
        "",
        f"| {CORRECTIONS} corrections | seconds | the gate |",
        "|---|---|---|",
        f"| that follow the rule | {seconds:.0f} | {_ending(night)} |",
        f"| without meaning | {its_seconds:.0f} | {_ending(shuffled)} |",
        "",
        f"All of it in {time.monotonic() - started:.0f} seconds.",
    ]


async def _timed(home: Home, python: Path) -> tuple[str, float]:
    started = time.monotonic()
    said = await home.night(python)
    sys.stderr.write(f"{said}\n")
    return said, time.monotonic() - started


async def _swapped(url: str, night: str) -> None:
    async def there() -> bool:
        version = await desk.version_of_phi3(url)
        return version is not None and version in night

    await until(there, timeout=120, what="the running phi3 to hold the new version")


def _ending(said: str) -> str:
    """The night's last words without its name: `published night-…`, or `refused …: why`."""
    verdict = next(line for line in said.splitlines() if line.startswith("night "))  # beside lines of the log
    return verdict.split(" ", 2)[-1]


def main() -> None:
    """Learn, print, and with --write keep it in a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, required=True, help="of the night's environment")
    parser.add_argument("--write", type=Path, help="page that keeps the tables between its markers")
    parser.add_argument("--keep", type=Path, help="folder for the desk, which then stays; else a temporary one")
    options = parser.parse_args()
    logs.configure("warning", "console", "learn")
    with ExitStack() as stack:
        scratch = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        scratch.mkdir(parents=True, exist_ok=True)
        redis = stack.enter_context(EmbeddedRedis(scratch / "redis", persistent=False))
        lines = asyncio.run(learn(redis.url, scratch, options.python))
    print("\n".join(lines))
    if options.write:
        page.keep(options.write, "learn-demo", lines)


if __name__ == "__main__":
    main()
