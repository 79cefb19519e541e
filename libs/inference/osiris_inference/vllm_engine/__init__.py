"""Text generation with vLLM: Hermes-3-8B in 4-bit GPTQ on a GPU; the same code on vLLM's CPU build."""

from osiris_inference.vllm_engine.config import VllmEngineConfig
from osiris_inference.vllm_engine.engine import VllmEngine

__all__ = ["VllmEngine", "VllmEngineConfig"]
