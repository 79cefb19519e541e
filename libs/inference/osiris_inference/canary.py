"""A version on trial, loaded beside the current one: some of the requests are answered by it."""

import asyncio
import hashlib
from pathlib import Path

import structlog

from osiris_inference import engines
from osiris_inference.manifest import require_whole
from osiris_inference.protocol import TextEngine
from osiris_inference.rollout import Rollout
from osiris_inference.settings import EngineSettings

_log = structlog.get_logger(__name__)


def chosen(request_id: str, share: float) -> bool:
    """Whether a request is among the `share`, 0 to 1; it follows from its id, so that one asked again stays there."""
    return int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:8]) < share * 2**64


class Canary:
    """The engine of the version on trial, while there is one."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._rollout: Rollout | None = None
        self._engine: TextEngine | None = None

    def engine_for(self, request_id: str) -> TextEngine | None:
        """The engine on trial, when it answers this request."""
        if self._engine is None or self._rollout is None or not chosen(request_id, self._rollout.share):
            return None
        return self._engine

    async def follow(self, rollout: Rollout | None) -> None:
        """Load the version of a rollout that is a canary; let go of one that is it no more.

        A version that cannot be loaded answers nothing.
        """
        wanted = rollout if rollout is not None and rollout.stage == "canary" else None
        if wanted == self._rollout:
            return
        await self.stop()
        self._rollout = wanted
        if wanted is None:
            return
        engine = engines.make(Path(wanted.folder), self._settings)
        try:
            await asyncio.to_thread(require_whole, Path(wanted.folder))
            await engine.load()
        except Exception as error:  # onnxruntime raises types of its own
            _log.error("canary refused", version=wanted.version, error=str(error))
            return
        self._engine = engine
        _log.info("canary loaded", version=wanted.version, share=wanted.share)

    async def stop(self) -> None:
        """Give it no more requests, and its memory back when those that run are done."""
        engine, self._engine, self._rollout = self._engine, None, None
        if engine is not None:
            await engine.sleep()
