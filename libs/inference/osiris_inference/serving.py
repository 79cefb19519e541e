"""A model behind a stream: what phi3 and hermes have in common."""

import asyncio
import hashlib
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

from osiris_contracts import (
    Chunk,
    GenerateRequest,
    GenerateResult,
    LikelyToken,
    ModelId,
    ModelStatus,
    TokenLogprob,
    Usage,
)
from osiris_inference import engines, protocol
from osiris_inference.canary import Canary
from osiris_inference.manifest import require_whole
from osiris_inference.metrics import EngineMetrics
from osiris_inference.model_store import ModelStore
from osiris_inference.protocol import DrawnToken, EngineStats, GenerationRequest, Message, TextEngine
from osiris_inference.rollout import Rollout, Rollouts
from osiris_inference.settings import EngineSettings
from osiris_mesh import Delivery, Refused, Service, tracing

FOLLOW_SECONDS = 1.0
"""How often the pointer to the current version is looked at."""

_log = structlog.get_logger(__name__)


def seed_of(request_id: str) -> int:
    """A seed that is the same whenever the same request is tried again, so that a takeover writes the same text."""
    return int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:8]) >> 1


def generation(
    request: GenerateRequest, delivery: Delivery, prompt: tuple[Message, ...] | str, *, temperature: float
) -> GenerationRequest:
    """A request as an engine takes it; a seed and a `temperature` where it names none."""
    return GenerationRequest(
        id=delivery.id,
        prompt=prompt,
        max_tokens=request.max_length,
        temperature=temperature if request.temperature is None else request.temperature,
        top_p=request.top_p or 1.0,
        seed=seed_of(delivery.id) if request.seed is None else request.seed,
        stop=request.stop,
        logprobs=request.logprobs,
        adapter=request.adapter,
        priority=delivery.envelope.priority,
    )


class ModelService:
    """Loads a role's model when its service starts, answers with it, tells of it in the service's presence."""

    def __init__(self, role: ModelId, settings: EngineSettings, service: Service) -> None:
        self._role: ModelId = role
        self._settings = settings
        self._engine: TextEngine | None = None
        self._file_exists = False
        self._metrics = EngineMetrics(service.metrics.registry, self._stats)
        self._folder: Path | None = None
        self._seen: Path | None = None  # what `current` named last: when it was refused, once is enough
        self._service = service
        self._asleep = False
        self._store = ModelStore(settings.models_root)
        self._rollouts = Rollouts(settings.models_root, role)
        self._canary = Canary(settings)
        self._changing = asyncio.Lock()
        service.on_start(self.load)
        service.background(self.keep_current)
        service.background(self.keep_alive)
        service.on_command("sleep", self.sleep)
        service.on_command("wake", self.wake)
        service.on_stop(self.close)
        service.model_status = self.status

    @property
    def folder(self) -> Path | None:
        """Where the version lies that answers; None before it is loaded."""
        return self._folder

    async def load(self) -> None:
        """Load the model the settings name, else the role's current one, else the embedded one.

        A current version that is no use is passed over for the one before it: the old one serves until it is replaced.
        """
        for stranger in self._store.strangers(self._role):
            _log.warning("not a model, ignored", role=self._role, folder=str(stranger))
        self._seen = await asyncio.to_thread(self._store.current, self._role)
        failure: Exception | None = None
        for folder in await asyncio.to_thread(self._candidates):
            self._file_exists = True
            engine = engines.make(folder, self._settings)
            try:
                if self._settings.model is None:
                    await asyncio.to_thread(require_whole, folder)
                await engine.load()
            except Exception as error:  # onnxruntime raises types of its own
                _log.error("version refused, trying the one before", folder=str(folder), error=str(error))
                failure = error
                continue
            self._folder, self._engine = folder, engine
            self._metrics.answers(engine.version)
            _log.info("model loaded", role=self._role, version=engine.version, folder=str(folder))
            return
        if failure is not None:
            raise failure

    async def keep_current(self) -> None:
        """Follow the role's `current` pointer, for ever: a new version is loaded and tried beside the old one.

        One that cannot answer is refused, and the old one stays. Requests finish on the version they began with. While
        a rollout has a canary, that answers its share.
        """
        if self._settings.model is not None:
            return
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            if self._asleep:
                continue
            wanted = await asyncio.to_thread(self._store.current, self._role)
            if wanted is not None and wanted != self._seen:
                self._seen = wanted
                if self._engine is not None and self._folder is not None and wanted != self._folder.resolve():
                    async with self._changing:
                        await self._swap(self._engine, wanted)
            async with self._changing:
                await self._canary.follow(await asyncio.to_thread(self._rollout))

    async def _swap(self, engine: TextEngine, folder: Path) -> None:
        try:
            await asyncio.to_thread(require_whole, folder)
            await engine.swap(folder)
        except Exception as error:  # onnxruntime raises types of its own
            self._metrics.swapped(promoted=False)
            _log.error("version refused, the old one stays", role=self._role, folder=str(folder), error=str(error))
            return
        self._folder = folder
        self._metrics.swapped(promoted=True)
        self._metrics.answers(engine.version)
        _log.info("version loaded", role=self._role, version=engine.version)

    async def keep_alive(self) -> None:
        """Watch the engine, for ever.

        Raises:
            EngineDied: it is gone; the service ends with this, and whoever supervises it starts it anew.
        """
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            if self._engine is not None and self._engine.died:
                raise protocol.EngineDied("expected the engine's process to live, it is gone")

    async def sleep(self) -> None:
        """Take no new work, finish what runs, and give the device's memory to somebody else."""
        async with self._changing:
            if self._engine is None or self._asleep:
                return
            await self._service.drain()
            self._asleep = True
            await self._canary.stop()
            await self._engine.sleep()
            _log.info("asleep", role=self._role)

    async def wake(self) -> None:
        """Be ready again."""
        async with self._changing:
            if self._engine is None or not self._asleep:
                return
            await self._engine.wake()
            self._asleep = False
            await self._service.resume()
            _log.info("awake", role=self._role)

    async def close(self) -> None:
        """Free the model."""
        await self._canary.stop()
        if self._engine is not None:
            await self._engine.close()
            self._engine = None

    def status(self) -> ModelStatus:
        """What the presence tells of the model."""
        return ModelStatus(
            loaded=self._engine is not None and not self._asleep,
            version=self._engine.version if self._engine and not self._asleep else None,
            file_exists=self._file_exists,
            device=self._engine.device if self._engine and not self._asleep else "unknown",
            adapters=self._engine.adapters if self._engine else (),
        )

    async def room(self, prompt: tuple[Message, ...] | str) -> int:
        """Tokens that `prompt` leaves for the answer; below 1 when it is too long.

        Raises:
            Refused: there is no model yet, or it takes no such conversation.
        """
        if self._engine is None or self._asleep:
            raise self._not_loaded()
        try:
            return await asyncio.to_thread(self._engine.room, prompt)
        except protocol.InvalidPrompt as error:
            raise Refused("invalid_request", str(error)) from error

    async def answer(self, request: GenerationRequest, delivery: Delivery, *, stream: bool) -> GenerateResult:
        """Generate, sending pieces on the way when `stream` is set.

        Raises:
            Refused: the prompt or the grammar cannot be served.
        """
        with tracing.span(
            "generate", gen_ai__request__model=self._role, gen_ai__request__max_tokens=request.max_tokens
        ):
            return await self._answer(request, delivery, stream=stream)

    async def _answer(self, request: GenerationRequest, delivery: Delivery, *, stream: bool) -> GenerateResult:
        if self._engine is None or self._asleep:
            raise self._not_loaded()
        engine = self._canary.engine_for(delivery.id) or self._engine
        version = engine.version
        pieces: list[str] = []
        tokens: list[DrawnToken] = []
        last = protocol.Chunk("")
        try:
            async with aclosing(engine.generate(request)) as chunks:
                async for chunk in chunks:
                    if stream and (chunk.text or chunk.tokens):
                        delivery.send(_chunk(chunk, len(pieces)))
                    pieces.append(chunk.text)
                    tokens += chunk.tokens
                    last = chunk
        except protocol.PromptTooLong as error:
            raise Refused("prompt_too_long", str(error)) from error
        except protocol.MemoryExceeded as error:
            numbers: dict[str, object] = {"predicted_bytes": error.predicted, "budget_bytes": error.budget}
            raise Refused("memory_exceeded", str(error), numbers) from error
        except (protocol.InvalidPrompt, protocol.InvalidGrammar, protocol.AdapterNotFound) as error:
            raise Refused("invalid_request", str(error)) from error
        except protocol.EngineDied as error:
            self._service.fail(error)  # what it did not finish is handed back
            raise
        except protocol.QueueFull as error:
            raise Refused("queue_full", str(error)) from error
        if last.usage is not None:
            self._metrics.observe(last.usage)
            tracing.note(
                gen_ai__response__model=version,
                gen_ai__usage__input_tokens=last.usage.prompt_tokens,
                gen_ai__usage__output_tokens=last.usage.completion_tokens,
                osiris__queue_seconds=last.usage.queue_seconds,
                osiris__first_token_seconds=last.usage.first_token_seconds,
            )
        if last.finish_reason is None or last.usage is None:
            raise protocol.EngineError("expected a last chunk with a reason and usage, the engine gave none")
        return GenerateResult(
            model_id=self._role,
            model_version=version,
            text="".join(pieces),
            logprobs=_logprobs(tokens),
            finish_reason=last.finish_reason,
            usage=_usage(last.usage),
        )

    def _not_loaded(self) -> Refused:
        return Refused("model_not_loaded", f"expected a loaded {self._role} model, there is none yet; try again")

    def _stats(self) -> EngineStats | None:
        return self._engine.stats() if self._engine and not self._asleep else None

    def _rollout(self) -> Rollout | None:
        try:
            return self._rollouts.read()
        except (OSError, ValueError):
            return None  # no canary then; whoever watches the rollout says why

    def _candidates(self) -> list[Path]:
        """The folder to load, then what to load where that one is no use."""
        if self._settings.model is not None:
            return [self._settings.model]
        previous = self._store.previous(self._role)
        return [self._store.resolve(self._role, _log.info), *([previous] if previous else [])]


def _chunk(chunk: protocol.Chunk, index: int) -> Chunk:
    usage = _usage(chunk.usage) if index == 0 and chunk.usage else None
    return Chunk(index=index, text=chunk.text, logprobs=_logprobs(chunk.tokens), usage=usage)


def _usage(usage: protocol.Usage) -> Usage:
    return Usage(**asdict(usage))


def _logprobs(tokens: Iterable[DrawnToken]) -> tuple[TokenLogprob, ...]:
    return tuple(
        TokenLogprob(**_token(token), top=tuple(LikelyToken(**_token(each)) for each in token.top)) for token in tokens
    )


def _token(token: protocol.LikelyToken) -> dict[str, Any]:
    return {"token": token.text.decode(errors="replace"), "bytes": tuple(token.text), "logprob": token.logprob}
