"""The engine as services see it: loads models, prepares requests, hands out text."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path

from tokenizers import Tokenizer

from osiris_inference.budget import MemoryBudget, default_limit
from osiris_inference.chat import ChatTemplate
from osiris_inference.manifest import Manifest
from osiris_inference.memory import give_back
from osiris_inference.model_folder import ModelFolder
from osiris_inference.onnx_engine.adapters import Adapters
from osiris_inference.onnx_engine.batch import Batch
from osiris_inference.onnx_engine.config import OnnxEngineConfig
from osiris_inference.onnx_engine.decoder import open_decoder
from osiris_inference.onnx_engine.grammar import Grammars
from osiris_inference.onnx_engine.logprobs import LogProbabilities
from osiris_inference.onnx_engine.sampling import Sampler
from osiris_inference.onnx_engine.sequence import Emit, Sequence
from osiris_inference.onnx_engine.text import TextStream
from osiris_inference.protocol import (
    Chunk,
    EngineClosed,
    EngineError,
    EngineStats,
    GenerationRequest,
    MemoryExceeded,
    Message,
    PromptTooLong,
)


@dataclass(frozen=True, slots=True)
class _Model:
    """A loaded version, with the batch that runs it."""

    manifest: Manifest
    context: int
    tokenizer: Tokenizer
    template: ChatTemplate
    grammars: Grammars
    adapters: Adapters
    budget: MemoryBudget
    batch: Batch

    def tokens(self, prompt: tuple[Message, ...] | str) -> list[int]:
        text = prompt if isinstance(prompt, str) else self.template.render(prompt)
        raw = isinstance(prompt, str)  # a template says itself where a text begins
        tokens: list[int] = self.tokenizer.encode(text, add_special_tokens=raw).ids
        return tokens

    def prepare(self, request: GenerationRequest, emit: Emit) -> Sequence:
        self.adapters.require(request.adapter)
        prompt = self.tokens(request.prompt)
        if len(prompt) >= self.context:
            raise PromptTooLong(len(prompt), self.context)
        return Sequence(
            id=request.id,
            prompt=prompt,
            limit=min(request.max_tokens, self.context - len(prompt)),
            end_tokens=frozenset(self.manifest.end_tokens),
            sampler=Sampler(request.temperature, request.top_p, request.seed),
            grammar=self.grammars.of(request),
            logprobs=None if request.logprobs is None else LogProbabilities(self.grammars.text_of, request.logprobs),
            text=TextStream(self.tokenizer, request.stop),
            emit=emit,
            priority=request.priority,
            adapter=request.adapter,
        )


class OnnxEngine:
    """A `TextEngine` on plain onnxruntime.

    Args:
        folder: of the model, see `manifest`.
    """

    def __init__(self, folder: Path, config: OnnxEngineConfig) -> None:
        self._folder = folder
        self._config = config
        self._model: _Model | None = None
        self._retired: list[Batch] = []

    @property
    def version(self) -> str:
        """Version of the model that new requests are answered by."""
        return self._loaded().manifest.version

    @property
    def device(self) -> str:
        """Where the model runs."""
        return self._config.provider

    @property
    def adapters(self) -> tuple[str, ...]:
        """See `TextEngine.adapters`."""
        return self._model.adapters.names() if self._model else ()

    @property
    def died(self) -> bool:
        """Never: it runs in this process."""
        return False

    async def load(self) -> None:
        """Load the model and warm it up.

        Raises:
            ValueError: the folder holds no model that can be run.
        """
        self._model = await asyncio.to_thread(_load, self._folder, self._config)
        await self._warm(self._model)

    def room(self, prompt: tuple[Message, ...] | str) -> int:
        """See `TextEngine.room`."""
        model = self._loaded()
        return model.context - len(model.tokens(prompt))

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk]:
        """See `TextEngine.generate`."""
        async for chunk in self._generate(self._loaded(), request):
            yield chunk

    def cancel(self, request_id: str) -> None:
        """See `TextEngine.cancel`."""
        for batch in (*self._retired, *([self._model.batch] if self._model else [])):
            batch.cancel(request_id)

    def stats(self) -> EngineStats:
        """See `TextEngine.stats`."""
        model = self._loaded()
        batch, budget = model.batch, model.budget
        return EngineStats(
            batch.running,
            batch.waiting,
            self._config.slots,
            batch.decoded_tokens,
            batch.prefixes.bytes,
            memory_budget_bytes=budget.limit,
            memory_predicted_bytes=batch.peak.total,
            memory_measured_bytes=budget.measured,
            memory_workspace_bytes=round(budget.workspace),
        )

    async def swap(self, folder: Path) -> None:
        """See `TextEngine.swap`. Raises ValueError, and stays with the old version, when `folder` holds no model."""
        model = await asyncio.to_thread(_load, folder, self._config)
        await self._warm(model)
        self._folder = folder
        await self._replace(model)

    async def sleep(self) -> None:
        """See `TextEngine.sleep`."""
        await self._replace(None)

    async def wake(self) -> None:
        """See `TextEngine.wake`."""
        if self._model is None:
            await self.load()

    async def close(self) -> None:
        """See `TextEngine.close`."""
        if self._model is not None:
            model, self._model = self._model, None
            model.batch.end(abort=True)
            await asyncio.to_thread(model.batch.wait)

    async def _replace(self, model: _Model | None) -> None:
        """Answer with `model` from now on; when the requests of the one before are done, its memory is free."""
        batch = self._model.batch if self._model else None
        self._model = model
        if batch is None:
            return
        self._retired.append(batch)
        batch.end(abort=False)
        await asyncio.to_thread(batch.wait)
        self._retired.remove(batch)
        del batch
        await asyncio.to_thread(give_back)

    def _loaded(self) -> _Model:
        if self._model is None:
            raise EngineClosed("expected a loaded model, there is none; call load() first")
        return self._model

    async def _warm(self, model: _Model) -> None:
        """One token: a model that cannot draw it is no use, and the first request need not pay for caches."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def emit(item: Chunk | EngineError) -> None:
            if isinstance(item, EngineError):
                loop.call_soon_threadsafe(done.set_exception, ValueError(f"expected a model that answers: {item}"))
            else:
                loop.call_soon_threadsafe(done.set_result, None)

        prompt = model.tokenizer.encode("Hello", add_special_tokens=False).ids
        sampler, text = Sampler(0, 1, 0), TextStream(model.tokenizer, ())
        try:
            model.batch.join(Sequence("warm-up", prompt, 1, frozenset(), sampler, None, None, text, emit))
            await done
        except MemoryExceeded as error:
            model.batch.end(abort=True)
            raise ValueError(f"expected a model that fits into its memory: {error}") from error
        except ValueError:
            model.batch.end(abort=True)
            raise

    async def _generate(self, model: _Model, request: GenerationRequest) -> AsyncGenerator[Chunk]:
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Chunk | EngineError] = asyncio.Queue()
        finished = False

        def emit(item: Chunk | EngineError) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, item)

        sequence = await self._join(model, request, emit)
        try:
            while not finished:
                item = await queue.get()
                finished = isinstance(item, EngineError) or item.finish_reason is not None
                if isinstance(item, EngineError):
                    raise item
                yield item
        finally:
            if not finished:
                sequence.cancelled = True

    async def _join(self, model: _Model, request: GenerationRequest, emit: Emit) -> Sequence:
        """Hand a request to the batch of `model`, or of the version that took its place meanwhile."""
        while True:
            # templates, tokens and grammars take milliseconds that the event loop does not have
            sequence = await asyncio.to_thread(model.prepare, request, emit)
            try:
                model.batch.join(sequence)
            except EngineClosed:
                if self._model is None or self._model is model:
                    raise
                model = self._model
            else:
                return sequence


def _load(path: Path, config: OnnxEngineConfig) -> _Model:
    folder = ModelFolder.read(path)
    context = min(config.context, folder.manifest.context)
    decoder = open_decoder(folder, replace(config, context=context))
    tokenizer_json = folder.tokenizer.read_text(encoding="utf-8")
    end_token = folder.manifest.end_tokens[0]
    budget = MemoryBudget(
        config.memory_budget or default_limit(), weights=folder.weight, bytes_per_token=decoder.bytes_per_token
    )
    return _Model(
        manifest=folder.manifest,
        context=context,
        tokenizer=Tokenizer.from_str(tokenizer_json),
        template=folder.template,
        grammars=Grammars(tokenizer_json, decoder.vocabulary, end_token, forces=config.forced_tokens),
        adapters=decoder.adapters,
        budget=budget,
        batch=Batch(decoder, budget, slots=config.slots, waiting=config.waiting, prefix_cache=config.prefix_cache),
    )
