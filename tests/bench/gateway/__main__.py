"""`make bench-gateway`: our gateway through real workers beside what others do, one run, turn by turn; as Markdown."""

import argparse
import json
import os
import platform
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
from tests.bench import page
from tests.bench.gateway import raw, stack
from tests.bench.gateway.load import Load, drive, post
from tests.bench.gateway.streaming import chunks_per_second

from osiris_cli.embedded_redis import EmbeddedRedis

CLIENTS = (1, 16, 64)
BUSY = 64
STREAMS, CHUNKS = 16, 2_000
SLOTS, SLOT_SECONDS = 8, 0.02
GENERATE = post("/generate/", json.dumps({"prompt": raw.PROMPT, "max_length": 64}).encode())
CHAT = post(
    "/v1/chat/completions",
    json.dumps({"model": "hermes", "messages": [{"role": "user", "content": raw.PROMPT}], "max_tokens": 64}).encode(),
)
OURS, OURS_CHAT = "osiris, POST /generate/", "osiris, POST /v1/chat/completions"
SIDECAR, LITELLM = "FastAPI → httpx → sidecar, POST /generate/", "LiteLLM proxy → sidecar, POST /v1/chat/completions"


@dataclass
class Samples:
    """A value a round of everything.

    Attributes:
        loads: by contestant and number of clients.
        xadd, hops: milliseconds of Redis alone.
        echo: milliseconds of a request to our worker, without a gateway.
        chunks: a second, streamed.
        workers: requests a second through one worker of SLOTS slots, and through two.
        door_cpu: microseconds of CPU a request in the door, at BUSY clients, by contestant.
        rest_cpu: the same in our worker, Redis and the load together.
        stream_cpu: microseconds of CPU a chunk: in our door, and in all the rest.
    """

    loads: dict[str, dict[int, list[Load]]] = field(default_factory=dict)
    xadd: list[float] = field(default_factory=list)
    hops: list[float] = field(default_factory=list)
    echo: list[float] = field(default_factory=list)
    chunks: list[float] = field(default_factory=list)
    workers: dict[int, list[float]] = field(default_factory=lambda: {1: [], 2: []})
    door_cpu: dict[str, list[float]] = field(default_factory=dict)
    rest_cpu: dict[str, list[float]] = field(default_factory=lambda: {"worker": [], "Redis": [], "load": []})
    stream_cpu: dict[str, list[float]] = field(default_factory=lambda: {"door": [], "rest": []})


@dataclass(frozen=True)
class Contest:
    """Who takes part: door and request of each, ours first; and what stands behind ours."""

    entered: dict[str, tuple[stack.Door, bytes]]
    behind: dict[str, int]


@contextmanager
def contest(redis: EmbeddedRedis, folder: Path) -> Iterator[Contest]:
    """All of them running."""
    with ExitStack() as running:
        worker = running.enter_context(stack.worker(redis.url, folder))
        ours = running.enter_context(stack.osiris(redis.url, folder))
        sidecar = running.enter_context(stack.sidecar())
        entered = {
            OURS: (ours, GENERATE),
            OURS_CHAT: (ours, CHAT),
            SIDECAR: (running.enter_context(stack.fastapi(sidecar)), GENERATE),
        }
        if stack.LITELLM.exists():
            entered[LITELLM] = (running.enter_context(stack.litellm(sidecar, folder)), CHAT)
        for door, request in entered.values():
            stack.wait_until(lambda door=door, request=request: stack.serves(door.port, request))
        yield Contest(entered, {"worker": worker, "Redis": redis.pid or 0, "load": os.getpid()})


def measure(redis: EmbeddedRedis, folder: Path, rounds: int, seconds: float) -> Samples:
    """All of it; who begins changes from round to round, and the first round warms up."""
    with contest(redis, folder) as run, stack.raw_worker(redis.url):
        one_round(run, redis.url, Samples(), 0, seconds)
        samples = Samples()
        for round_ in range(rounds):
            one_round(run, redis.url, samples, round_, seconds)
    return samples


def one_round(run: Contest, redis_url: str, samples: Samples, round_: int, seconds: float) -> None:
    """A value of everything."""
    with stack.at_the_door():
        samples.xadd.append(uvloop.run(raw.xadd_ms(redis_url, 1_000)))
        samples.hops.append(uvloop.run(raw.four_hops_ms(redis_url, 1_000)))
        samples.echo.append(uvloop.run(raw.echo_ms(redis_url, 1_000)))
    ours = run.entered[OURS][0]
    before = [stack.cpu_seconds(ours.pid), stack.cpu_seconds(*run.behind.values())]
    samples.chunks.append(uvloop.run(chunks_per_second(ours.port, clients=STREAMS, chunks=CHUNKS)))
    after = [stack.cpu_seconds(ours.pid), stack.cpu_seconds(*run.behind.values())]
    for values, began, ended in zip(samples.stream_cpu.values(), before, after, strict=True):
        values.append(1e6 * (ended - began) / (STREAMS * CHUNKS))
    for clients in CLIENTS:
        for name in in_turn(list(run.entered), round_):
            door, request = run.entered[name]
            watched = {"door": door.pid, **run.behind}
            began = {part: stack.cpu_seconds(pid) for part, pid in watched.items()}
            load = uvloop.run(drive(door.port, request, clients=clients, seconds=seconds))
            samples.loads.setdefault(name, {}).setdefault(clients, []).append(load)
            if clients == BUSY:
                spent = {
                    part: 1e6 * (stack.cpu_seconds(pid) - began[part]) / load.requests for part, pid in watched.items()
                }
                samples.door_cpu.setdefault(name, []).append(spent.pop("door"))
                if name == OURS:
                    for part, value in spent.items():
                        samples.rest_cpu[part].append(value)


def measure_workers(redis_url: str, folder: Path, samples: Samples, rounds: int, seconds: float) -> None:
    """Requests a second of 64 clients through one worker whose answers occupy a slot, and through two of them."""
    options = (str(SLOTS), str(SLOT_SECONDS))
    with stack.osiris(redis_url, folder) as door:
        for _ in range(rounds):
            with ExitStack() as running:
                for count, values in samples.workers.items():
                    running.enter_context(stack.worker(redis_url, folder, *options))
                    stack.wait_until(lambda count=count: stack.workers(redis_url) == count)
                    stack.wait_until(lambda: stack.serves(door.port, GENERATE))
                    load = uvloop.run(drive(door.port, GENERATE, clients=64, seconds=seconds))
                    values.append(load.per_second)


def in_turn(names: list[str], round_: int) -> list[str]:
    """Who begins changes from round to round: the machine's speed drifts."""
    first = round_ % len(names)
    return names[first:] + names[:first]


def table(samples: Samples, rounds: int) -> list[str]:
    """Markdown: medians of the rounds; ratios are medians of each round's ratio."""
    lines = [
        f"{machine()}, Python {platform.python_version()}; the door on one core, Redis (AOF, everysec), workers, "
        f"sidecar and the load on the other; medians of {rounds} rounds, CPU in the door at {BUSY} clients.",
        "",
        f"| req/s | {' | '.join(plural(count) for count in CLIENTS)} | p50 of one client, ms | CPU in the door, µs |",
        f"|---|{'---|' * (len(CLIENTS) + 2)}",
    ]
    for name, row in samples.loads.items():
        cells = [f"{statistics.median(load.per_second for load in row[count]):,.0f}" for count in CLIENTS]
        p50 = statistics.median(load.p50_ms for load in row[1])
        lines.append(f"| {name} | {' | '.join(cells)} | {p50:.2f} | {statistics.median(samples.door_cpu[name]):,.0f} |")
    for ours, theirs, title in ((OURS, SIDECAR, "the sidecar"), (OURS_CHAT, LITELLM, "LiteLLM")):
        if theirs in samples.loads:
            ratios = [f"**{ratio(samples, ours, theirs, count):.1f}x**" for count in CLIENTS]
            p50s = [[load.p50_ms for load in samples.loads[name][1]] for name in (theirs, ours)]
            cpus = median_ratio(samples.door_cpu[theirs], samples.door_cpu[ours])
            lines.append(f"| ours / {title} | {' | '.join(ratios)} | {median_ratio(*p50s):.1f}x | {cpus:.1f}x |")
    alone = [load.p50_ms for load in samples.loads[OURS][1]]
    door = statistics.median(samples.door_cpu[OURS])
    rest = {part: statistics.median(values) for part, values in samples.rest_cpu.items()}
    chunk = {part: statistics.median(values) for part, values in samples.stream_cpu.items()}
    return [
        *lines,
        "",
        f"- One XADD takes {statistics.median(samples.xadd):.2f} ms, the four hops of a request and its answer by "
        f"hand-written redis-py {statistics.median(samples.hops):.2f} ms, with our worker behind it "
        f"{statistics.median(samples.echo):.2f} ms. Our p50 at one client is "
        f"{median_ratio(alone, samples.echo):.1f}x the last, {median_ratio(alone, samples.hops):.1f}x the hops, "
        f"{median_ratio(alone, samples.xadd):.1f}x the XADD.",
        f"- A request takes {door:,.0f} µs of CPU in the gateway, and on the other core "
        f"{' + '.join(f'{value:,.0f} ({part})' for part, value in rest.items())}: two cores that do nothing else give "
        f"{1e6 / max(door, sum(rest.values())):,.0f} req/s.",
        f"- Streamed to {STREAMS} clients, {CHUNKS:,} chunks each: {statistics.median(samples.chunks):,.0f} chunks/s; "
        f"a chunk takes {chunk['door']:.1f} µs in the gateway and {chunk['rest']:.1f} on the other core: "
        f"{1e6 / max(chunk.values()):,.0f} chunks/s of two cores that do nothing else.",
        f"- A worker of {SLOTS} slots, {1000 * SLOT_SECONDS:g} ms an answer: "
        f"{statistics.median(samples.workers[1]):,.0f} req/s to 64 clients; with a second such process "
        f"{median_ratio(samples.workers[2], samples.workers[1]):.2f}x that.",
    ]


def plural(clients: int) -> str:
    """So many clients."""
    return f"{clients} client{'s' if clients > 1 else ''}"


def ratio(samples: Samples, ours: str, theirs: str, clients: int) -> float:
    """Requests a second of ours by theirs, round by round: what slows the machine down slows both."""
    mine, other = samples.loads[ours][clients], samples.loads[theirs][clients]
    return median_ratio([load.per_second for load in mine], [load.per_second for load in other])


def median_ratio(values: list[float], others: list[float]) -> float:
    """Of pairs of the same round."""
    return statistics.median(value / other for value, other in zip(values, others, strict=True))


def machine() -> str:
    """What ran it."""
    facts = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in facts.splitlines() if line.startswith("model name")]
    return f"{platform.machine()}, {names[0] if names else 'unknown processor'}, 2 cores"


def main() -> None:
    """Measure, print, and with --write keep it in a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of every figure; medians are told (default 5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of load for each figure of a round (default 2)")
    parser.add_argument("--write", type=Path, help="page that keeps the table between its markers")
    options = parser.parse_args()
    stack.pin_the_rest()
    with tempfile.TemporaryDirectory() as name, EmbeddedRedis(Path(name) / "redis") as redis:
        samples = measure(redis, Path(name), options.rounds, options.seconds)
        measure_workers(redis.url, Path(name), samples, options.rounds, options.seconds)
    lines = table(samples, options.rounds)
    print("\n".join(lines))
    if options.write:
        page.keep(options.write, "bench-gateway", lines)


if __name__ == "__main__":
    main()
