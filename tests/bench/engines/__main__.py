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
from osiris_phi3.grammar import MAX_TOKENS, proposal_schema
from osiris_phi3.prompt import EXAMPLES, SYSTEM_PROMPT

OURS, PLAIN = "osiris onnx", "osiris onnx, no cache, no forced tokens"
TOKENS = 96
WORDS = "the price fell rose while volume stop target close open high low news desk risk long short".split()  # noqa: SIM905
BEGIN, END = "<!-- bench-engines -->", "<!-- /bench-engines -->"

Figures = dict[str, dict[str, float]]


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


def decoding(entered: dict[str, Contestant], rounds: int) -> Figures:
    """Medians over the rounds: prefill, first token, and tokens/s with 1, 4 and 16 requests, prompts included."""
    random_ = random.Random(0)
    samples: dict[str, dict[str, list[float]]] = {name: {} for name in entered}
    for _ in range(rounds + 1):  # the first warms up
        long = words(500, random_)
        several = {count: [words(200, random_) for _ in range(count)] for count in (1, 4, 16)}
        for name, contestant in entered.items():
            kept = samples[name]
            kept.setdefault("prefill, tokens/s", []).append(500 / contestant.answer(Job([long], 1)).first)
            for count, prompts in several.items():
                result = contestant.answer(Job(prompts, TOKENS))
                kept.setdefault(f"tokens/s, {count} at once", []).append(result.tokens / result.seconds)
                if count == 1:
                    kept.setdefault("first token, s", []).append(result.first)
    return medians(samples)


def medians(samples: dict[str, dict[str, list[float]]]) -> Figures:
    """Of every figure, without its first round."""
    return {
        name: {figure: statistics.median(values[1:]) for figure, values in figures.items()}
        for name, figures in samples.items()
    }


def proposing(entered: dict[str, Contestant], rounds: int, prompt: Callable[[int], str]) -> Figures:
    """Proposals/s at 1 and at 8 requests, each bound to the proposal's schema."""
    schema = proposal_schema("SPY", 144)
    samples: dict[str, dict[str, list[float]]] = {name: {} for name in entered}
    number = 0
    for _ in range(rounds + 1):
        for count in (1, 8):
            prompts = [prompt(number + each) for each in range(count)]
            number += count
            for name, contestant in entered.items():
                result = contestant.answer(Job(prompts, MAX_TOKENS, schema))
                valid = sum(is_valid(text) for text in result.texts)
                kept = samples[name]
                kept.setdefault(f"proposals/s, {count} at once", []).append(valid / result.seconds)
    return medians(samples)


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


def table(figures: Figures) -> list[str]:
    """Markdown: a row each, and how many times the best peer ours is."""
    columns = list(next(iter(figures.values())))
    peers = [name for name in figures if name not in (OURS, PLAIN)]
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for name, row in figures.items():
        lines.append(f"| {name} | {' | '.join(f'{row[column]:,.2f}' for column in columns)} |")
    for title, others in (("ours / the best peer", peers), ("ours / without", [PLAIN])):
        if not set(others) & figures.keys():
            continue
        ratios = []
        for column in columns:
            values = [figures[name][column] for name in others]
            better = (
                min(values) / figures[OURS][column] if column.endswith(", s") else figures[OURS][column] / max(values)
            )
            ratios.append(f"**{better:.2f}x**")
        lines.append(f"| {title} | {' | '.join(ratios)} |")
    return lines


def main() -> None:
    """Measure, print, and with --write keep it in a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of every figure; medians are told (default 3)")
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
    alone = decoded[OURS]["tokens/s, 1 at once"]
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
        page = options.write.read_text(encoding="utf-8")
        before, after = page.partition(BEGIN)[0], page.partition(END)[2]
        options.write.write_text("\n".join([f"{before}{BEGIN}", *lines, f"{END}{after}"]), encoding="utf-8")


if __name__ == "__main__":
    main()
