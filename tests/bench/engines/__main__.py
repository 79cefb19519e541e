"""`make bench-engines`: ours and its peers, same weights, same prompts, one run, turn by turn; ratios as Markdown."""

import argparse
import os
import platform
import random
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.bench import page
from tests.bench.engines.bandwidth import memory_bandwidth
from tests.bench.engines.contest import Job
from tests.bench.engines.contestant import REPOSITORY, Contestant
from tests.bench.engines.streams import gaps_beside_a_long_prompt
from tests.bench.engines.validity import valid_proposals
from tests.support import checkpoint

from osiris_contracts import GenerateRequest, Proposal
from osiris_inference.chat import ChatTemplate
from osiris_inference.conversation import conversation
from osiris_inference.manifest import CHAT_TEMPLATE
from osiris_inference.model_store import ModelStore, embedded_weights
from osiris_inference.proposing import EXAMPLES, MAX_TOKENS, SYSTEM_PROMPT, proposal_schema

OURS, PLAIN = "osiris onnx", "osiris onnx, no cache, no forced tokens"
TOKENS = 96
WORDS = "the price fell rose while volume stop target close open high low news desk risk long short".split()  # noqa: SIM905

Samples = dict[str, dict[str, list[float]]]


def words(count: int, random_: random.Random) -> str:
    """Text of about `count` tokens that no cache has seen."""
    return " ".join(random_.choice(WORDS) for _ in range(count))


def contestants(scratch: Path, model: Path) -> dict[str, Contestant]:
    """Ours, and those whose environments are there."""
    vllm, peers = REPOSITORY / ".venv-vllm/bin/python", REPOSITORY / ".venv-peers/bin/python"
    found = {
        OURS: Contestant(Path(sys.executable), "osiris", str(model)),
        PLAIN: Contestant(Path(sys.executable), "osiris", str(model), "--plain"),
    }
    if peers.exists():
        threads = str(os.cpu_count())
        found["llama.cpp (xllamacpp), Q4_1"] = Contestant(peers, "llama_cpp", str(embedded_weights()), threads)
        found["onnxruntime-genai, the same graph"] = Contestant(peers, "genai", str(model), str(scratch / "genai"))
    if vllm.exists():
        dense = checkpoint.write(scratch / "dense", gptq=False)
        found["vLLM CPU, bf16"] = Contestant(vllm, "vllm_cpu", str(dense))
    return found


def decoding(entered: dict[str, Contestant], rounds: int) -> Samples:
    """Prefill, first token, and tokens/s with 1, 4 and 16 requests, prompts included: a value a round."""
    random_ = random.Random(0)
    samples = empty(entered)
    for round_ in range(-1, rounds):  # the first warms up
        alone = [words(200, random_)]
        for count, prompts in ((1, alone), (4, several(4, random_)), (16, several(16, random_))):
            for name, contestant in in_turn(entered, round_):
                result = contestant.answer(Job(prompts, TOKENS))
                samples[name].setdefault(f"tokens/s, {count} at once", []).append(result.tokens / result.seconds)
                if count == 1:
                    samples[name].setdefault("first token, s", []).append(result.first)
        long = words(500, random_)
        for name, contestant in in_turn(entered, round_):
            samples[name].setdefault("prefill, tokens/s", []).append(500 / contestant.answer(Job([long], 1)).first)
    return without_first(samples)


def proposing(entered: dict[str, Contestant], rounds: int, prompt: Callable[[int], str]) -> Samples:
    """Proposals/s at 1 and at 8 requests, each bound to the proposal's schema: a value a round."""
    schema = proposal_schema("SPY", 144)
    samples = empty(entered)
    number = 0
    for round_ in range(-1, rounds):
        for count in (1, 8):
            prompts = [prompt(number + each) for each in range(count)]
            number += count
            for name, contestant in in_turn(entered, round_):
                result = contestant.answer(Job(prompts, MAX_TOKENS, schema))
                valid = sum(is_valid(text) for text in result.texts)
                samples[name].setdefault(f"proposals/s, {count} at once", []).append(valid / result.seconds)
    return without_first(samples)


def several(count: int, random_: random.Random) -> list[str]:
    """Prompts of 200 tokens."""
    return [words(200, random_) for _ in range(count)]


def in_turn(entered: dict[str, Contestant], round_: int) -> list[tuple[str, Contestant]]:
    """Who begins changes from round to round: the machine's speed drifts."""
    order = list(entered.items())
    first = round_ % len(order)
    return order[first:] + order[:first]


def empty(entered: dict[str, Contestant]) -> Samples:
    """No value yet."""
    return {name: {} for name in entered}


def without_first(samples: Samples) -> Samples:
    """The rounds that count."""
    return {name: {figure: values[1:] for figure, values in row.items()} for name, row in samples.items()}


def is_valid(text: str) -> bool:
    """Whether it is one proposal that the contract accepts."""
    try:
        Proposal.model_validate_json(text)
    except ValueError:
        return False
    return True


def hit_and_miss(ours: Contestant) -> float:
    """First token under a hit prefix of 448 tokens, as a share of that of a miss."""
    random_ = random.Random(1)
    ratios = []
    for _ in range(5):
        beginning = words(470, random_)
        miss = ours.answer(Job([beginning + " and so it fell"], 1)).first
        hit = ours.answer(Job([beginning + " and then it rose"], 1)).first
        ratios.append(hit / miss)
    return statistics.median(ratios)


def table(samples: Samples) -> list[str]:
    """Markdown: the medians, a row each, and how many times the best peer ours is, as the median of the rounds."""
    columns = list(samples[OURS])
    peers = [name for name in samples if name not in (OURS, PLAIN)]
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for name, row in samples.items():
        lines.append(f"| {name} | {' | '.join(f'{statistics.median(row[column]):,.2f}' for column in columns)} |")
    for title, others in (("ours / the best peer", peers), ("ours / without", [PLAIN])):
        if set(others) <= samples.keys():
            ratios = [times_better(samples, column, others) for column in columns]
            lines.append(f"| {title} | {' | '.join(f'**{ratio:.2f}x**' for ratio in ratios)} |")
    return lines


def times_better(samples: Samples, column: str, others: list[str]) -> float:
    """Ours against the best of `others`, round by round: what slows the machine down slows both."""
    seconds = column.endswith(", s")
    best = (min if seconds else max)(others, key=lambda name: statistics.median(samples[name][column]))
    pairs = zip(samples[OURS][column], samples[best][column], strict=True)
    return statistics.median(theirs / ours if seconds else ours / theirs for ours, theirs in pairs)


def main() -> None:
    """Measure, print, and with --write keep it in a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of every figure; medians are told (default 5)")
    parser.add_argument("--write", type=Path, help="page that keeps the tables between its markers")
    parser.add_argument("--proposals", type=int, default=1000, help="that must be valid (default 1000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        model = ModelStore(Path(".osiris/models")).embedded()
        template = ChatTemplate((model / CHAT_TEMPLATE).read_text(encoding="utf-8"))

        def prompt(number: int) -> str:
            asked = GenerateRequest(prompt=f"SPY close {500 + number / 7:.2f}\nReturn {number / 10} %. What now?")
            turns = conversation(asked, system=SYSTEM_PROMPT, examples=EXAMPLES)
            return template.render(turns) if isinstance(turns, tuple) else turns

        bandwidth = memory_bandwidth()
        entered = {
            name: stack.enter_context(contestant) for name, contestant in contestants(Path(scratch), model).items()
        }
        decoded = decoding({name: each for name, each in entered.items() if name != PLAIN}, options.rounds)
        proposed = proposing(entered, options.rounds, prompt)
        hit = hit_and_miss(entered[OURS])
    weights = sum(path.stat().st_size for path in model.glob("model.onnx*"))
    limit = bandwidth / weights
    alone = statistics.median(decoded[OURS]["tokens/s, 1 at once"])
    valid = valid_proposals(model, options.proposals, prompt)
    gaps = gaps_beside_a_long_prompt(model)
    lines = [
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; a prompt of 200 tokens in, "
        f"{TOKENS} out, greedy; medians of {options.rounds} rounds.",
        "",
        *table(decoded),
        "",
        "Proposals bound to their schema (only valid ones count):",
        "",
        *table(proposed),
        "",
        f"- {valid:,} of {options.proposals:,} proposals with seeds of their own, temperatures 0 to 2, are valid.",
        f"- First token under a hit prefix: {hit:.2f}x of a miss.",
        f"- A 3,500-token prompt beside 8 running streams: their worst gap is {gaps.worst / gaps.beside:.1f}x the "
        f"median gap meanwhile, which is {gaps.beside / gaps.calm:.1f}x that of before.",
        f"- Memory bandwidth here {bandwidth / 1e9:.1f} GB/s, {weights / 1e6:.0f} MB of weights a token: at most "
        f"{limit:.0f} tokens/s alone; ours reaches {100 * alone / limit:.0f} %, prompt included.",
    ]
    print("\n".join(lines))
    if options.write:
        page.keep(options.write, "bench-engines", lines)


if __name__ == "__main__":
    main()
