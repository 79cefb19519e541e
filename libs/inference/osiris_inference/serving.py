"""A model behind a stream: what phi3 and hermes have in common."""

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path

import structlog

from osiris_contracts import Chunk, Example, GenerateResult, ModelId, ModelStatus, Usage
from osiris_inference import protocol
from osiris_inference.metrics import EngineMetrics
from osiris_inference.model_store import ModelStore
from osiris_inference.onnx_engine import OnnxEngine, OnnxEngineConfig
from osiris_inference.protocol import EngineStats, GenerationRequest, Message, TextEngine
from osiris_inference.settings import EngineSettings
from osiris_mesh import Delivery, Refused, Service

FOLLOW_SECONDS = 1.0
"""How often the pointer to the current version is looked at."""

_log = structlog.get_logger(__name__)


def seed_of(request_id: str) -> int:
    """A seed that is the same whenever the same request is tried again, so that a takeover writes the same text."""
    return int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:8]) >> 1


def conversation(system: str, examples: Sequence[Example], prompt: str) -> tuple[Message, ...]:
    """The turns a model sees: what it is, how it answered before, what it is asked now."""
    shown = (turn for each in examples for turn in (Message("user", each.prompt), Message("assistant", each.answer)))
    return (Message("system", system), *shown, Message("user", prompt))


class ModelService:
    """Loads a role's model when its service starts, answers with it, tells of it in the service's presence."""

    def __init__(self, role: ModelId, settings: EngineSettings, service: Service) -> None:
        self._role: ModelId = role
        self._settings = settings
        self._engine: TextEngine | None = None
        self._file_exists = False
        self._metrics = EngineMetrics(service.metrics.registry, self._stats)
        self._folder: Path | None = None
        service.on_start(self.load)
        service.background(self.keep_current)
        service.on_stop(self.close)
        service.model_status = self.status

    async def load(self) -> None:
        """Load the model the settings name, else the role's current one, else the embedded one."""
        folder = await asyncio.to_thread(self._choose)
        self._folder = folder
        self._file_exists = True
        engine = OnnxEngine(
            folder,
            OnnxEngineConfig(
                slots=self._settings.slots,
                context=self._settings.context,
                threads=self._settings.threads,
                prefix_cache=self._settings.prefix_cache_mib * 2**20,
            ),
        )
        await engine.load()
        self._engine = engine
        _log.info("model loaded", role=self._role, version=engine.version, folder=str(folder))

    async def keep_current(self) -> None:
        """Follow the role's `current` pointer, for ever: a new version is loaded and tried beside the old one.

        One that cannot answer is refused, and the old one stays. Requests finish on the version they began with.
        """
        if self._settings.model is not None:
            return
        store = ModelStore(self._settings.models_root)
        seen = self._folder
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            wanted = await asyncio.to_thread(store.current, self._role)
            if wanted is None or wanted == seen:
                continue
            seen = wanted
            if wanted != self._folder and self._engine is not None:
                await self._swap(self._engine, wanted)

    async def _swap(self, engine: TextEngine, folder: Path) -> None:
        try:
            await engine.swap(folder)
        except Exception as error:  # onnxruntime raises types of its own
            _log.error("version refused, the old one stays", role=self._role, folder=str(folder), error=str(error))
            return
        self._folder = folder
        _log.info("version loaded", role=self._role, version=engine.version)

    async def close(self) -> None:
        """Free the model."""
        if self._engine is not None:
            await self._engine.close()
            self._engine = None

    def status(self) -> ModelStatus:
        """What the presence tells of the model."""
        return ModelStatus(
            loaded=self._engine is not None,
            version=self._engine.version if self._engine else None,
            file_exists=self._file_exists,
            device="cpu",
        )

    async def answer(self, request: GenerationRequest, delivery: Delivery, *, stream: bool) -> GenerateResult:
        """Generate, sending pieces on the way when `stream` is set.

        Raises:
            Refused: the prompt or the grammar cannot be served.
        """
        if self._engine is None:
            raise Refused("model_not_loaded", f"expected a loaded {self._role} model, there is none yet; try again")
        version = self._engine.version
        pieces: list[str] = []
        last = protocol.Chunk("")
        try:
            async with aclosing(self._engine.generate(request)) as chunks:
                async for chunk in chunks:
                    if stream and chunk.text:
                        delivery.send(Chunk(index=len(pieces), text=chunk.text))
                    pieces.append(chunk.text)
                    last = chunk
        except protocol.PromptTooLong as error:
            raise Refused("prompt_too_long", str(error)) from error
        except protocol.InvalidGrammar as error:
            raise Refused("invalid_request", str(error)) from error
        except protocol.QueueFull as error:
            raise Refused("queue_full", str(error)) from error
        if last.usage is not None:
            self._metrics.observe(last.usage)
        if last.finish_reason is None or last.usage is None:
            raise protocol.EngineError("expected a last chunk with a reason and usage, the engine gave none")
        return GenerateResult(
            model_id=self._role,
            model_version=version,
            text="".join(pieces),
            finish_reason=last.finish_reason,
            usage=Usage(**asdict(last.usage)),
        )

    def _stats(self) -> EngineStats | None:
        return self._engine.stats() if self._engine else None

    def _choose(self) -> Path:
        if self._settings.model is not None:
            return self._settings.model
        return ModelStore(self._settings.models_root).resolve(self._role, _log.info)
