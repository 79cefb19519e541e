"""What phi3 does with a version that was published: try it, then let it answer."""

import asyncio

import structlog

from osiris_contracts import ModelVersion
from osiris_inference.model_store import ModelStore
from osiris_inference.proposing.smoke import smoke_test
from osiris_inference.rollout import Rollouts
from osiris_inference.serving import ModelService
from osiris_mesh import Delivery, Refused
from osiris_phi3.settings import Phi3Settings

_log = structlog.get_logger(__name__)


class Releases:
    """Takes published versions of phi3 into use."""

    def __init__(self, settings: Phi3Settings, model: ModelService) -> None:
        self._settings = settings
        self._model = model
        self._store = ModelStore(settings.models_root)
        self._rollouts = Rollouts(settings.models_root, "phi3")

    async def published(self, version: ModelVersion, delivery: Delivery) -> None:
        """Try a version and begin its rollout; one that was begun before is left as it is.

        Raises:
            ModelNotFound: it is not there, or not yet: it is looked for again.
            Refused: it is not whole, or writes no proposal.
        """
        serving = self._model.folder
        if version.role != "phi3" or self._settings.model is not None or serving is None:
            _log.info("published version not used here", role=version.role, version=version.version)
            return
        folder = await asyncio.to_thread(self._store.find, "phi3", version.version)
        known = await asyncio.to_thread(self._rollouts.read)
        if known is not None and known.version == version.version:
            return
        try:
            await smoke_test(folder)
        except Exception as error:  # onnxruntime raises types of its own
            _log.error("published version refused, the old one stays", version=version.version, error=str(error))
            raise Refused("invalid_request", str(error)) from error
        begun = await asyncio.to_thread(self._rollouts.begin, folder, serving, self._settings.canary_share)
        _log.info("published version in use", version=begun.version, stage=begun.stage, before=begun.before)
