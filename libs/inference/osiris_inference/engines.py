"""Makes the engine that the settings name."""

from pathlib import Path

from osiris_inference.protocol import TextEngine
from osiris_inference.settings import EngineSettings


def make(folder: Path, settings: EngineSettings) -> TextEngine:
    """An engine for the model in `folder`, not loaded yet.

    Raises:
        ImportError: vLLM is wanted and not installed here.
    """
    if settings.engine == "vllm":
        from osiris_inference.vllm_engine import VllmEngine, VllmEngineConfig

        return VllmEngine(
            folder,
            VllmEngineConfig(
                slots=settings.slots,
                context=settings.context or VllmEngineConfig.context,
                waiting=settings.waiting,
                memory_share=settings.gpu_memory_share,
                tensor_parallel=settings.tensor_parallel,
                adapters=settings.adapters,
            ),
        )
    from osiris_inference.onnx_engine import OnnxEngine, OnnxEngineConfig

    return OnnxEngine(
        folder,
        OnnxEngineConfig(
            slots=settings.slots,
            context=settings.context or OnnxEngineConfig.context,
            waiting=settings.waiting,
            threads=settings.threads,
            provider=settings.provider,
            adapters=settings.adapters,
            prefix_cache=settings.prefix_cache_mib * 2**20,
            memory_budget=None if settings.memory_budget_mib is None else settings.memory_budget_mib * 2**20,
        ),
    )
