"""The engine on plain onnxruntime: several requests in one running batch."""

from osiris_inference.onnx_engine.config import OnnxEngineConfig
from osiris_inference.onnx_engine.engine import OnnxEngine

__all__ = ["OnnxEngine", "OnnxEngineConfig"]
