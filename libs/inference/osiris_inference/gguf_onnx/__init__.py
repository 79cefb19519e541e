"""GGUF weights to an ONNX model folder, with gguf, numpy and onnx alone."""

from osiris_inference.gguf_onnx.convert import Precision, convert, version_of

__all__ = ["Precision", "convert", "version_of"]
