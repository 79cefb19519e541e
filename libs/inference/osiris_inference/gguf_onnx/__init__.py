"""Weights, of a GGUF file or of a training run, to an ONNX model folder, with gguf, numpy and onnx alone."""

from osiris_inference.gguf_onnx.convert import Precision, convert, export, version_of
from osiris_inference.gguf_onnx.dense import DenseWeights, name_in_transformers
from osiris_inference.gguf_onnx.graph import AdapterRoom, adapter_names
from osiris_inference.gguf_onnx.weights import Architecture, Weights

__all__ = [
    "AdapterRoom",
    "Architecture",
    "DenseWeights",
    "Precision",
    "Weights",
    "adapter_names",
    "convert",
    "export",
    "name_in_transformers",
    "version_of",
]
