"""The engine as services see it, on `AsyncLLM`. vLLM is imported where it is used: the local stack does not have it."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import llguidance
import psutil

from osiris_inference.manifest import TOKENIZER, version_of
from osiris_inference.protocol import (
    Chunk,
    DrawnToken,
    EngineClosed,
    EngineDied,
    EngineError,
    EngineStats,
    GenerationRequest,
    InvalidGrammar,
    InvalidPrompt,
    LikelyToken,
    Message,
    PromptTooLong,
    RequestCancelled,
    Usage,
)
from osiris_inference.vllm_engine.adapters import Adapters
from osiris_inference.vllm_engine.admission import Admission
from osiris_inference.vllm_engine.config import VllmEngineConfig
from osiris_inference.vllm_engine.guardian import guard

_PRIORITY = {"interactive": 0, "desk": 1, "batch": 2}
_ALONE = {
    "HF_HUB_OFFLINE": "1",  # a model is a folder; nothing is looked up elsewhere
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
}


class VllmEngine:
    """A `TextEngine` on vLLM.

    Args:
        folder: of the model, as `transformers` saves it; weights as safetensors.
    """

    def __init__(self, folder: Path, config: VllmEngineConfig) -> None:
        self._folder = folder
        self._config = config
        self._engine: Any = None
        self._guardian: subprocess.Popen[bytes] | None = None
        self._tokenizer: Any = None
        self._bytes: Any = None
        self._admission = Admission(tokens=0, slots=config.slots, waiting=config.waiting)
        self._open = asyncio.Event()
        self._numbers = count()
        self._running: dict[str, str] = {}
        self._decoded = 0
        self._scratch = tempfile.TemporaryDirectory(prefix="osiris-vllm-")
        self._adapters = Adapters(config.adapters, Path(self._scratch.name))

    @property
    def version(self) -> str:
        """Version of the model that new requests are answered by."""
        return version_of(self._folder)

    @property
    def device(self) -> str:
        """Where the model runs: cpu or cuda."""
        return str(self._loaded().vllm_config.device_config.device_type)

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the LoRA adapters that a request may ask for."""
        return tuple(self._adapters.names())

    @property
    def died(self) -> bool:
        """Whether vLLM's process is gone; nothing brings it back but a new process."""
        return self._engine is not None and bool(self._engine.errored)

    async def load(self) -> None:
        """Load the model and warm it up.

        Raises:
            ValueError: the folder holds no model that can be run.
        """
        os.environ.update({name: os.environ.get(name, value) for name, value in _ALONE.items()})
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", str(self._config.cpu_cache_gib))
        self._engine = await asyncio.to_thread(self._start)
        # its workers outlive vLLM's engine when that is killed, and hold the memory
        self._guardian = guard([child.pid for child in psutil.Process().children(recursive=True)])
        self._tokenizer = self._engine.get_tokenizer()
        tokenizer_json = (self._folder / TOKENIZER).read_text(encoding="utf-8")
        self._bytes = await asyncio.to_thread(llguidance.LLTokenizer, tokenizer_json)
        cache = self._engine.vllm_config.cache_config
        self._admission = Admission(
            tokens=cache.num_gpu_blocks * cache.block_size,
            slots=self._config.slots,
            waiting=self._config.waiting,
        )
        self._open.set()
        async for _ in self.generate(GenerationRequest("warm-up", "Hello", max_tokens=1)):
            pass

    def room(self, prompt: tuple[Message, ...] | str) -> int:
        """See `TextEngine.room`."""
        return int(self._loaded().vllm_config.model_config.max_model_len) - len(self._tokens(prompt))

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk]:
        """See `TextEngine.generate`."""
        asked = perf_counter()
        await self._open.wait()
        engine = self._loaded()
        prompt = await asyncio.to_thread(self._tokens, request.prompt)
        room = min(self._config.context, self._admission.capacity)
        if len(prompt) >= room:
            raise PromptTooLong(len(prompt), room)
        limit = min(request.max_tokens, room - len(prompt))
        adapter = self._adapter(request.adapter)
        async with self._admission.room(len(prompt) + limit, request.priority):
            begun = perf_counter()
            name = f"{request.id}-{next(self._numbers)}"
            self._running[name] = request.id
            try:
                outputs = engine.generate(
                    {"prompt_token_ids": prompt},
                    _sampling(request, limit),
                    name,
                    lora_request=adapter,
                    priority=_PRIORITY[request.priority],
                )
                async with aclosing(self._chunks(request, outputs, len(prompt), asked, begun)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except EngineError:
                raise
            except Exception as error:
                raise self._explained(request, error) from error
            finally:
                del self._running[name]

    def cancel(self, request_id: str) -> None:
        """See `TextEngine.cancel`."""
        names = [name for name, asked in self._running.items() if asked == request_id]
        if names:
            task = asyncio.ensure_future(self._loaded().abort(names))
            task.add_done_callback(lambda done: done.exception())

    def stats(self) -> EngineStats:
        """See `TextEngine.stats`."""
        admission = self._admission
        return EngineStats(admission.running, admission.waiting, self._config.slots, self._decoded, cache_bytes=0)

    async def swap(self, folder: Path) -> None:
        """See `TextEngine.swap`; a GPU has no room for two, so new requests wait while the models change places.

        When the new one cannot be loaded, the old one is loaded again, and ValueError raised.
        """
        old = self._folder
        await self._unload()
        self._folder = folder
        try:
            await self.load()
        except Exception as error:
            await self._unload()
            self._folder = old
            await self.load()
            raise ValueError(f"expected a model that answers in {folder}: {error}") from error

    async def sleep(self) -> None:
        """See `TextEngine.sleep`. On a GPU the weights move to main memory, elsewhere vLLM ends."""
        if not self._can_sleep():
            await self._unload()
            return
        self._open.clear()
        await self._admission.drained()
        await self._loaded().sleep(level=1)

    async def wake(self) -> None:
        """See `TextEngine.wake`."""
        if self._engine is None:
            await self.load()
            return
        await self._engine.wake_up()
        self._open.set()

    async def close(self) -> None:
        """See `TextEngine.close`."""
        if self._engine is not None:
            await self._shut_down()
        self._scratch.cleanup()

    async def _unload(self) -> None:
        self._open.clear()
        if self._engine is None:
            return
        await self._admission.drained()
        await self._shut_down()

    async def _shut_down(self) -> None:
        engine, self._engine = self._engine, None
        await asyncio.to_thread(engine.shutdown)
        if self._guardian is not None:
            await asyncio.to_thread(self._guardian.communicate)  # it ends what vLLM left behind

    def _start(self) -> Any:
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.platforms import current_platform
        from vllm.v1.engine.async_llm import AsyncLLM

        cpu = current_platform.is_cpu()
        adapters = self._adapters.names()
        arguments = AsyncEngineArgs(
            model=str(self._folder),
            load_format="safetensors",  # never a pickle
            trust_remote_code=False,
            max_model_len=self._config.context,
            max_num_seqs=self._config.slots,
            gpu_memory_utilization=self._config.memory_share,
            tensor_parallel_size=self._config.tensor_parallel,
            scheduling_policy="priority",
            enable_prefix_caching=True,
            enable_sleep_mode=current_platform.is_sleep_mode_available(),
            enforce_eager=cpu,  # compiling pays on a GPU
            enable_lora=bool(adapters),
            max_loras=len(adapters) + 1 if adapters else 1,
            max_lora_rank=_rank_step(self._adapters.rank),
            structured_outputs_config={"backend": "guidance", "disable_any_whitespace": True},
            disable_log_stats=True,
        )
        return AsyncLLM.from_engine_args(arguments)

    def _explained(self, request: GenerationRequest, error: Exception) -> Exception:
        from vllm.exceptions import VLLMValidationError

        if self.died:
            return EngineDied("expected vLLM's process to live, it died; this one has to start anew")
        bound = request.json_schema is not None or request.grammar is not None
        if bound and isinstance(error, ValueError | VLLMValidationError):
            return InvalidGrammar(f"expected a JSON schema or a grammar that can be followed: {error}")
        return error

    def _can_sleep(self) -> bool:
        return bool(self._loaded().vllm_config.model_config.enable_sleep_mode)

    def _loaded(self) -> Any:
        if self._engine is None:
            raise EngineClosed("expected a loaded model, there is none; call load() first")
        return self._engine

    def _tokens(self, prompt: tuple[Message, ...] | str) -> list[int]:
        if isinstance(prompt, str):
            return list(self._tokenizer.encode(prompt))
        turns = [{"role": turn.role, "content": turn.content} for turn in prompt]
        try:
            text = self._tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        except Exception as error:  # jinja2 raises what the template raises
            raise InvalidPrompt(f"expected turns that the model's chat template takes: {error}") from error
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def _adapter(self, name: str | None) -> Any:
        from vllm.lora.request import LoRARequest

        if name is None and self.adapters and self.device == "cpu":
            # vLLM 0.32 on a CPU gives a row without an adapter that of another row
            number, folder = self._adapters.zero()
        elif name is None:
            return None
        else:
            number, folder = self._adapters.find(name)
        return LoRARequest(folder.name, number, str(folder))

    async def _chunks(
        self, request: GenerationRequest, outputs: Any, prompt_tokens: int, asked: float, begun: float
    ) -> AsyncGenerator[Chunk]:
        completion_tokens, first_token = 0, 0.0
        async with aclosing(outputs):
            async for output in outputs:
                piece = output.outputs[0]
                first_token = first_token or perf_counter()
                first = completion_tokens == 0
                completion_tokens += len(piece.token_ids)
                self._decoded += len(piece.token_ids)
                if piece.finish_reason not in (None, "stop", "length"):
                    raise RequestCancelled(f"request {request.id} was cancelled")
                usage = None
                if first or piece.finish_reason:
                    usage = Usage(
                        prompt_tokens=prompt_tokens,
                        completion_tokens=completion_tokens,
                        cached_tokens=output.num_cached_tokens or 0,
                        queue_seconds=begun - asked,
                        first_token_seconds=first_token - asked,
                        total_seconds=perf_counter() - asked,
                    )
                tokens = () if request.logprobs is None else self._drawn(piece, request.logprobs)
                if piece.text or tokens or usage:
                    yield Chunk(piece.text, piece.finish_reason, usage, tokens)

    def _drawn(self, piece: Any, top: int) -> tuple[DrawnToken, ...]:
        ended = piece.finish_reason == "stop" and piece.stop_reason is None  # the last token is the end, not text
        taken = list(zip(piece.token_ids, piece.logprobs or (), strict=True))
        return tuple(
            DrawnToken(
                self._text(token),
                min(0.0, known[token].logprob),
                tuple(
                    LikelyToken(self._text(each), min(0.0, known[each].logprob))
                    for each in sorted(known, key=lambda each: known[each].rank)[:top]
                ),
            )
            for token, known in (taken[:-1] if ended else taken)
        )

    def _text(self, token: int) -> bytes:
        text: bytes = self._bytes.decode_bytes([token])
        return text


def _sampling(request: GenerationRequest, limit: int) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    bound = None
    if request.json_schema is not None:
        bound = StructuredOutputsParams(json=request.json_schema)
    elif request.grammar is not None:
        bound = StructuredOutputsParams(grammar=request.grammar)
    return SamplingParams(
        max_tokens=limit,
        temperature=request.temperature,
        top_p=request.top_p,
        seed=request.seed,
        stop=list(request.stop),
        logprobs=request.logprobs,
        structured_outputs=bound,
        output_kind=RequestOutputKind.DELTA,
    )


def _rank_step(rank: int) -> int:
    """The smallest rank that vLLM is built for and holds `rank`."""
    return next(step for step in (8, 16, 32, 64, 128, 256, 320, 512) if step >= rank)
