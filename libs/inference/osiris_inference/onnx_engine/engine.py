"""The engine as services see it: loads models, prepares requests, hands out text."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path

from tokenizers import Tokenizer

from osiris_inference.chat import ChatTemplate
from osiris_inference.manifest import CHAT_TEMPLATE, GRAPH, TOKENIZER, Manifest
from osiris_inference.onnx_engine.batch import Batch
from osiris_inference.onnx_engine.config import OnnxEngineConfig
from osiris_inference.onnx_engine.decoder import Decoder
from osiris_inference.onnx_engine.grammar import Grammars
from osiris_inference.onnx_engine.sampling import Sampler
from osiris_inference.onnx_engine.sequence import Emit, Sequence
from osiris_inference.onnx_engine.text import TextStream
from osiris_inference.protocol import (
    Chunk,
    EngineClosed,
    EngineError,
    EngineStats,
    GenerationRequest,
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
    batch: Batch

    def prepare(self, request: GenerationRequest, emit: Emit) -> Sequence:
        prompt = self.tokenizer.encode(self.template.render(request.messages), add_special_tokens=False).ids
        if len(prompt) >= self.context:
            raise PromptTooLong(len(prompt), self.context)
        return Sequence(
            id=request.id,
            prompt=prompt,
            limit=min(request.max_tokens, self.context - len(prompt)),
            end_tokens=frozenset(self.manifest.end_tokens),
            sampler=Sampler(request.temperature, request.top_p, request.seed),
            grammar=None if request.json_schema is None else self.grammars.of(request.json_schema),
            text=TextStream(self.tokenizer, request.stop),
            emit=emit,
            priority=request.priority,
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

    async def load(self) -> None:
        """Load the model and warm it up.

        Raises:
            ValueError: the folder holds no model that can be run.
        """
        self._model = await asyncio.to_thread(_load, self._folder, self._config)
        await self._warm(self._model)

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
        batch = self._loaded().batch
        return EngineStats(batch.running, batch.waiting, self._config.slots, batch.decoded_tokens, batch.prefixes.bytes)

    async def swap(self, folder: Path) -> None:
        """See `TextEngine.swap`. Raises ValueError, and stays with the old version, when `folder` holds no model."""
        model = await asyncio.to_thread(_load, folder, self._config)
        await self._warm(model)
        old, self._model, self._folder = self._model, model, folder
        if old is not None:
            self._retired.append(old.batch)
            old.batch.end(abort=False)
            await asyncio.to_thread(old.batch.wait)
            self._retired.remove(old.batch)

    async def close(self) -> None:
        """See `TextEngine.close`."""
        if self._model is not None:
            model, self._model = self._model, None
            model.batch.end(abort=True)
            await asyncio.to_thread(model.batch.wait)

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
        model.batch.join(Sequence("warm-up", prompt, 1, frozenset(), sampler, None, text, emit))
        try:
            await done
        except ValueError:
            model.batch.end(abort=True)
            raise

    async def _generate(self, model: _Model, request: GenerationRequest) -> AsyncGenerator[Chunk]:
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Chunk | EngineError] = asyncio.Queue()
        finished = False

        def emit(item: Chunk | EngineError) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, item)

        # templates, tokens and grammars take milliseconds that the event loop does not have
        sequence = await asyncio.to_thread(model.prepare, request, emit)
        model.batch.join(sequence)
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


def _load(folder: Path, config: OnnxEngineConfig) -> _Model:
    manifest = Manifest.read(folder)
    context = min(config.context, manifest.context)
    decoder = Decoder(folder / GRAPH, replace(config, context=context))
    tokenizer_json = (folder / TOKENIZER).read_text(encoding="utf-8")
    return _Model(
        manifest=manifest,
        context=context,
        tokenizer=Tokenizer.from_str(tokenizer_json),
        template=ChatTemplate((folder / CHAT_TEMPLATE).read_text(encoding="utf-8")),
        grammars=Grammars(tokenizer_json, decoder.vocabulary, manifest.end_tokens[0], forces=config.forced_tokens),
        batch=Batch(decoder, slots=config.slots, waiting=config.waiting, prefix_cache=config.prefix_cache),
    )
