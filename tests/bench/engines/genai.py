"""onnxruntime-genai on the same ONNX graph; a batch begins and ends together, its own guidance for schemas."""

import json
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import onnxruntime_genai as og

from tests.bench.engines.contest import Answers, Job, compete  # isort: skip


def configured(model: Path, folder: Path) -> Path:
    """A folder with the same files, and the config that genai wants."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in model.iterdir():
        if not (folder / file.name).exists():
            (folder / file.name).symlink_to(file.resolve())
    decoder = {
        "session_options": {"provider_options": []},
        "filename": "model.onnx",
        "head_size": 64,
        "hidden_size": 576,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "num_hidden_layers": 30,
        "inputs": {
            "input_ids": "input_ids",
            "attention_mask": "attention_mask",
            "past_key_names": "past_key_values.%d.key",
            "past_value_names": "past_key_values.%d.value",
        },
        "outputs": {
            "logits": "logits",
            "present_key_names": "present.%d.key",
            "present_value_names": "present.%d.value",
        },
    }
    facts = {"type": "llama", "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2, "vocab_size": 49152}
    search = {"past_present_share_buffer": True, "max_length": 1280, "do_sample": False}
    config = {"model": {**facts, "context_length": 1280, "decoder": decoder}, "search": search}
    (folder / "genai_config.json").write_text(json.dumps(config))
    tokens = {"eos_token": "<|im_end|>", "bos_token": "<|im_start|>", "unk_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "GPT2Tokenizer", **tokens}))
    return folder


def main(folder: Path) -> None:
    """Compete."""
    model = og.Model(str(folder))
    tokenizer = og.Tokenizer(model)

    def answer(job: Job) -> Answers:
        if job.schema is not None and len(job.prompts) > 1:
            # 0.18: a guided batch fails when its first row ends ("compute_mask() called after stop")
            return [row for prompt in job.prompts for row in answer(Job([prompt], job.tokens, job.schema))]
        rows = [tokenizer.encode(prompt) for prompt in job.prompts]
        longest = max(map(len, rows))
        prompts = np.full((len(rows), longest), 2, np.int32)  # padded on the left
        for row, tokens in zip(prompts, rows, strict=True):
            row[longest - len(tokens) :] = tokens
        options = og.GeneratorParams(model)
        total = longest + job.tokens
        options.set_search_options(max_length=total, batch_size=len(rows), do_sample=False)
        if job.schema is None:
            options.set_search_options(min_length=total)
        else:
            options.set_guidance("json_schema", json.dumps(job.schema), True)
        generator = og.Generator(model, options)
        generator.append_tokens(prompts)
        first = 0.0
        while not generator.is_done():
            generator.generate_next_token()
            first = first or perf_counter()
        answers = [list(generator.get_sequence(number))[longest:] for number in range(len(rows))]
        ended = [row[: row.index(2)] if 2 in row else row for row in answers]
        return [(first, len(row), tokenizer.decode(row)) for row in ended]

    compete(answer)


main(configured(Path(sys.argv[1]), Path(sys.argv[2])))
