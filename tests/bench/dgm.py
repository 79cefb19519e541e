"""The kernel's generations on real bars, on bars with an edge, and where nobody has one: `make dgm-demo`."""

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.markets import late, trending

from osiris_desk.backtest.control import shuffled
from osiris_desk.market import csv_file
from osiris_desk.market.bars import Bars
from osiris_desk.market.bundled import BUNDLED_SYMBOL, bundled_csv
from osiris_desk.policy.shipped import code_of
from osiris_dgm.archive.archive import Archive
from osiris_dgm.kernel import Exhausted, Kernel
from osiris_dgm.statistics.holdout import Holdout
from osiris_dgm.verify.judge import Judge
from osiris_dgm.verify.market import Market

BEGIN, END = "<!-- dgm-demo -->", "<!-- /dgm-demo -->"
HEAD = (
    "| bars | seed | tried | verified | promoted | root's score | best score | seconds | generations a minute |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Run:
    """What came of some generations. Scores are Sharpe ratios a bar on validation; verified: came as far as it."""

    name: str
    seed: int
    tried: int
    verified: int
    promoted: int
    root: float
    best: float
    seconds: float

    def __str__(self) -> str:
        rate = 60 * self.tried / self.seconds
        return (
            f"| {self.name} | {self.seed} | {self.tried} | {self.verified} | {self.promoted} | {self.root:+.4f} "
            f"| {self.best:+.4f} | {self.seconds:.0f} | {rate:.0f} |"
        )


def generations(name: str, bars: Bars, count: int, seed: int, root: bytes) -> Run:
    """Run `count` generations from nothing. What passes every stage is what would be promoted."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        market = Market.of(BUNDLED_SYMBOL, bars, seed)
        judge = Judge(market, Holdout(Path(folder) / "holdout.json", market.digest, count), seed=seed)
        kernel = Kernel(Archive(Path(folder) / "archive"), judge, root, seed)
        kernel.open()
        for _ in range(count):
            try:
                kernel.generation()
            except Exhausted:
                break
        first, *tried = kernel.archive.records()
    scores = [record.score for record in (first, *tried) if record.score is not None]
    return Run(
        name,
        seed,
        len(tried),
        sum(record.score is not None for record in tried),
        sum(record.accepted for record in tried),
        first.score or 0.0,
        max(scores),
        time.monotonic() - began,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generations", type=int, default=50)
    parser.add_argument("--control-generations", type=int, default=None, help="on shuffled bars; else as many")
    parser.add_argument("--seeds", type=int, default=5, help="of shuffled bars")
    parser.add_argument("--write", type=Path, default=None, help="page to keep the table in, between its markers")
    options = parser.parse_args()
    control = options.control_generations or options.generations
    bars, trend = csv_file.read(bundled_csv()).bars, code_of("trend")
    runs: list[Run] = []

    def keep(run: Run) -> None:
        runs.append(run)
        print(run, flush=True)
        if options.write:
            write(options.write, runs)

    print(HEAD, flush=True)
    keep(generations("bundled", bars, options.generations, 0, trend))
    keep(generations("planted", trending(), options.generations, 0, late()))
    for seed in range(options.seeds):
        keep(generations("shuffled", shuffled(bars, seed), control, seed, trend))
    if any(run.promoted for run in runs if run.name == "shuffled"):
        raise SystemExit("expected nothing to be promoted where nobody has an edge")
    if not any(run.promoted for run in runs if run.name == "planted"):
        raise SystemExit("expected an improvement to be found and promoted where an edge is planted")


def write(page: Path, runs: list[Run]) -> None:
    """Keep the table between the page's markers."""
    before, _, rest = page.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    load = f"On {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}."
    table = "\n".join([HEAD, *map(str, runs)])
    page.write_text(f"{before}{BEGIN}\n{load}\n\n{table}\n{END}{after}")


if __name__ == "__main__":
    main()
