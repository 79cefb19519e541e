"""vLLM's CPU build on the same weights in bfloat16."""

import asyncio
import os
import sys
from time import perf_counter

os.environ.update(VLLM_CPU_KVCACHE_SPACE="2", HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1", VLLM_LOGGING_LEVEL="ERROR")

from vllm import SamplingParams
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams
from vllm.v1.engine.async_llm import AsyncLLM

from tests.bench.engines.contest import Answers, Job, compete  # isort: skip


def main(folder: str) -> None:
    """Compete."""

    async def load() -> AsyncLLM:
        arguments = AsyncEngineArgs(
            model=folder,
            max_model_len=1280,
            max_num_seqs=16,
            dtype="bfloat16",
            enable_prefix_caching=True,
            structured_outputs_config={"backend": "guidance", "disable_any_whitespace": True},
        )
        return AsyncLLM.from_engine_args(arguments)

    async def one(engine: AsyncLLM, number: int, prompt: str, job: Job) -> tuple[float, int, str]:
        bound = None if job.schema is None else StructuredOutputsParams(json=job.schema)
        sampling = SamplingParams(
            temperature=0,
            max_tokens=job.tokens,
            ignore_eos=job.schema is None,
            structured_outputs=bound,
            output_kind=RequestOutputKind.DELTA,
        )
        first, count, text = 0.0, 0, ""
        async for output in engine.generate(prompt, sampling, f"{perf_counter()}-{number}"):
            first = first or perf_counter()
            count += len(output.outputs[0].token_ids)
            text += output.outputs[0].text
        return first, count, text

    async def all_of(engine: AsyncLLM, job: Job) -> Answers:
        return await asyncio.gather(*(one(engine, number, prompt, job) for number, prompt in enumerate(job.prompts)))

    with asyncio.Runner() as runner:
        engine = runner.run(load())
        compete(lambda job: runner.run(all_of(engine, job)))


if __name__ == "__main__":  # vLLM starts its processes by importing this file
    main(sys.argv[1])
