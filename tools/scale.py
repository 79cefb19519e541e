"""Writes the tables of docs/scale.md from what docs/performance.md measured: `python tools/scale.py`."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
RATES = (10, 1_000, 100_000)
"""Requests a second."""
BUSY = 0.7
"""How much of a core may be used on average, so that a burst still finds room."""
EFFECT_BYTES = 116
"""Of Redis' memory, for one remembered message id: 100,000 of them, measured on Redis 8.2."""
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Measured:
    """CPU of a request, microseconds, and what one engine of 2 cores makes a second."""

    gateway: float
    worker: float
    redis: float
    tokens: float
    proposals: float
    cores: int
    answer_tokens: int


def measured(page: str) -> Measured:
    """The figures in docs/performance.md.

    Raises:
        ValueError: one is not there.
    """

    def find(pattern: str) -> tuple[float, ...]:
        found = re.search(pattern, page)
        if found is None:
            raise ValueError(f"expected '{pattern}' in docs/performance.md; run make bench-engines, make bench-gateway")
        return tuple(float(each.replace(",", "")) for each in found.groups())

    (gateway,) = find(r"A request takes ([\d,]+) µs of CPU in the gateway")
    worker, redis = find(r"on the other core ([\d,]+) \(worker\) \+ ([\d,]+) \(Redis\)")
    (tokens,) = find(r"\| osiris onnx \| [\d.]+ \| [\d.]+ \| [\d.]+ \| ([\d.]+) \|")
    (proposals,) = find(r"\| osiris onnx \| [\d.]+ \| ([\d.]+) \|\n")
    cores, answer = find(r"(\d+) cores, Python [\d.]+; a prompt of \d+ tokens in, (\d+) out")
    return Measured(gateway, worker, redis, tokens, proposals, int(cores), int(answer))


def tables(of: Measured) -> str:
    """The part between the markers."""
    shard = BUSY * 1e6 / of.redis
    rows = [
        ("gateway, cores", [_up(rate * of.gateway / 1e6 / BUSY) for rate in RATES]),
        ("what a worker spends on the mesh, cores", [_up(rate * of.worker / 1e6 / BUSY) for rate in RATES]),
        ("Redis, shards (its commands run on one core)", [_up(rate / shard) for rate in RATES]),
        ("message ids remembered for a day, GB", [_gb(rate * DAY * EFFECT_BYTES) for rate in RATES]),
        ("the same, remembered for 15 minutes", [_gb(rate * 900 * EFFECT_BYTES) for rate in RATES]),
        (
            f"hermes, {of.answer_tokens} tokens an answer, workers of {of.cores} cores",
            [_up(rate * of.answer_tokens / of.tokens / BUSY) for rate in RATES],
        ),
        (f"phi3, a proposal each, workers of {of.cores} cores", [_up(rate / of.proposals / BUSY) for rate in RATES]),
        ("hermes, tokens/s of all GPUs together", [_up(rate * of.answer_tokens / BUSY) for rate in RATES]),
    ]
    head = "| requests/s | " + " | ".join(f"{rate:,}" for rate in RATES) + " |\n|---|" + "---|" * len(RATES)
    body = "\n".join(f"| {name} | {' | '.join(values)} |" for name, values in rows)
    return (
        f"Measured: a request costs {of.gateway:,.0f} µs of CPU in the gateway, {of.worker:,.0f} in the worker's mesh "
        f"and {of.redis:,.0f} in Redis; an engine on {of.cores} cores makes {of.tokens:.0f} tokens or "
        f"{of.proposals:.2f} proposals a second. Cores are filled to {BUSY:.0%}.\n\n{head}\n{body}\n\n"
        f"One Redis is full at {math.floor(1e6 / of.redis):,} requests/s, and should be given {math.floor(shard):,}."
    )


def _up(value: float) -> str:
    return f"{math.ceil(value):,}"


def _gb(size: float) -> str:
    return f"{size / 1e9:,.1f}"


def render(page: str, of: Measured) -> str:
    """docs/scale.md with its tables anew."""
    marked = re.compile(r"(<!-- scale -->\n).*?(<!-- /scale -->)", re.DOTALL)
    return marked.sub(lambda mark: f"{mark[1]}{tables(of)}\n{mark[2]}", page)


if __name__ == "__main__":
    path = DOCS / "scale.md"
    path.write_text(render(path.read_text(), measured((DOCS / "performance.md").read_text())))
