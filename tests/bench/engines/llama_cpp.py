"""llama.cpp's server, in-process (xllamacpp), on the GGUF file as it is: continuous batching of 16."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import xllamacpp

from tests.bench.engines.contest import Job, compete  # isort: skip


def main(gguf: str, threads: int) -> None:
    """Compete."""
    options = xllamacpp.CommonParams()
    options.model.path = gguf
    options.n_parallel = 16
    options.n_ctx = 16 * 1280
    options.cpuparams.n_threads = options.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(options)

    def one(prompt: str, job: Job) -> tuple[float, int, str]:
        first, count, text = 0.0, 0, ""

        def heard(piece: dict[str, Any]) -> None:
            nonlocal first, count, text
            first = first or perf_counter()
            for choice in piece["choices"]:
                count += choice["finish_reason"] is None
                text += choice["text"]

        asked = {"prompt": prompt, "n_predict": job.tokens, "temperature": 0, "stream": True}
        if job.schema is None:
            asked |= {"ignore_eos": True, "cache_prompt": False}
        else:
            asked |= {"json_schema": json.dumps(job.schema)}
        server.handle_completions(asked, heard)
        return first, count, text

    with ThreadPoolExecutor(16) as pool:
        compete(lambda job: list(pool.map(lambda prompt: one(prompt, job), job.prompts)))


main(sys.argv[1], int(sys.argv[2]))
