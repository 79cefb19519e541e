"""Draws the decoder as an ONNX graph of onnxruntime's own operators, one node a fused step.

Inputs: input_ids (batch, sequence), attention_mask (batch, total), past key and value of every layer.
Outputs: logits of the last position only (batch, 1, vocabulary), present key and value of every layer.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from osiris_inference.gguf_onnx.weights import BLOCK, F32, Architecture, Blocks, stack, to_eight_bits

MICROSOFT = "com.microsoft"
OPSET = 21
IR_VERSION = 10
# int8 activations: ten times as fast on a CPU as float ones, and close enough (KL 0.008 to the exact graph)
ACCURACY_LEVEL = 4

_TYPES = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8, "int64": TensorProto.INT64}


@dataclass(frozen=True, slots=True)
class AdapterRoom:
    """Room for a LoRA adapter: beside each large matrix two small ones, inputs of the graph whose default is zero.

    Attributes:
        first_layer: from which layer on.
        rank: of the adapter; query, key and value, which are one matrix here, have three of it side by side.
    """

    first_layer: int
    rank: int


def adapter_names(layer: int, part: str) -> tuple[str, str]:
    """The two inputs beside a matrix: `qkv`, `out`, `gate`, `up` or `down` of a layer."""
    return f"layer{layer}.{part}.lora_a", f"layer{layer}.{part}.lora_b"


class Source(Protocol):
    """Where the weights come from, under the names of GGUF."""

    architecture: Architecture

    @property
    def head_is_embedding(self) -> bool:
        """Whether the output layer shares the embedding's weights."""

    def vector(self, name: str) -> F32:
        """A norm."""

    def matrix(self, name: str, heads: int | None = None) -> Blocks:
        """A matrix; `heads` of a query or key matrix."""


class Graph:
    """Nodes and constants, appended one after the other."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add a constant; returns its name."""
        tensor = TensorProto(
            name=name, data_type=_TYPES[values.dtype.name], raw_data=np.ascontiguousarray(values).tobytes()
        )
        tensor.dims.extend(values.shape)
        self.constants.append(tensor)
        return name

    def node(self, kind: str, inputs: list[str], outputs: list[str], *, domain: str = "", **attributes: Any) -> str:
        """Add a node; returns its first output."""
        made = helper.make_node(kind, inputs, outputs, name=f"/{outputs[0]}", domain=domain, **attributes)
        self.nodes.append(made)
        return outputs[0]


class Decoder:
    """A llama-family decoder being drawn.

    Args:
        exact: float weights, bit for bit those of the file; otherwise 8-bit ones.
        room: for an adapter; None: there is none.
    """

    def __init__(self, weights: Source, *, exact: bool, room: AdapterRoom | None = None) -> None:
        self._weights = weights
        self._size = weights.architecture
        self._exact = exact
        self._room = room
        self._adapter_inputs: list[onnx.ValueInfoProto] = []
        self._graph = Graph()
        self._table = weights.matrix("token_embd.weight")
        self._table_constants: list[str] = []

    def draw(self) -> onnx.ModelProto:
        """The whole model."""
        self._lengths()
        self._rotary_tables()
        residual = self._embedding()
        hidden = self._graph.node(
            "SimplifiedLayerNormalization",
            [residual, self._norm("blk.0.attn_norm.weight")],
            ["first.norm"],
            epsilon=self._size.epsilon,
            axis=-1,
            stash_type=1,
        )
        for layer in range(self._size.layers):
            hidden, residual = self._layer(layer, hidden, residual)
        last = self._graph.constant("last", np.array([-1], np.int64))
        self._head(self._graph.node("Gather", [hidden, last], ["last.hidden"], axis=1))
        return self._model()

    def _lengths(self) -> None:
        one = self._graph.constant("one", np.array([1], np.int64))
        axis = self._graph.constant("axis", np.array(1, np.int64))
        self._graph.node("ReduceSum", ["attention_mask", one], ["mask.sum"], keepdims=0)
        self._graph.node("Sub", ["mask.sum", one], ["mask.last"])
        self._graph.node("Cast", ["mask.last"], ["seqlens_k"], to=TensorProto.INT32)
        self._graph.node("Shape", ["attention_mask"], ["mask.shape"])
        self._graph.node("Gather", ["mask.shape", axis], ["mask.total"], axis=0)
        self._graph.node("Cast", ["mask.total"], ["total_sequence_length"], to=TensorProto.INT32)

    def _rotary_tables(self) -> None:
        size = self._size.head_size
        frequencies = self._size.rope_base ** (-np.arange(0, size, 2, dtype=np.float64) / size)
        angles = np.outer(np.arange(self._size.context), frequencies)
        self._graph.constant("cos", np.cos(angles).astype(np.float32))
        self._graph.constant("sin", np.sin(angles).astype(np.float32))

    def _embedding(self) -> str:
        if self._exact:
            dense = self._graph.constant("embedding", self._table.dense())
            return self._graph.node("Gather", [dense, "input_ids"], ["embedded"])
        self._table_constants = self._eight_bits("embedding", self._table)
        levels, scale, *zero = self._table_constants
        shape = self._graph.constant("embedding.shape", np.array([len(self._table.levels), self._size.width], np.int64))
        flat = self._graph.node("Reshape", [levels, shape], ["embedding.flat"])
        return self._graph.node(
            "GatherBlockQuantized",
            [flat, "input_ids", scale, *zero],
            ["embedded"],
            domain=MICROSOFT,
            bits=8,
            block_size=BLOCK,
            gather_axis=0,
            quantize_axis=1,
        )

    def _layer(self, layer: int, hidden: str, residual: str) -> tuple[str, str]:
        block, here = f"blk.{layer}.", f"layer{layer}."
        weights, size = self._weights, self._size
        qkv = self._linear(
            layer,
            "qkv",
            hidden,
            stack(
                [
                    weights.matrix(block + "attn_q.weight", size.heads),
                    weights.matrix(block + "attn_k.weight", size.kv_heads),
                    weights.matrix(block + "attn_v.weight"),
                ]
            ),
        )
        attended = self._graph.node(
            "GroupQueryAttention",
            [
                qkv,
                "",
                "",
                f"past_key_values.{layer}.key",
                f"past_key_values.{layer}.value",
                "seqlens_k",
                "total_sequence_length",
                "cos",
                "sin",
            ],
            [here + "attended", f"present.{layer}.key", f"present.{layer}.value"],
            domain=MICROSOFT,
            num_heads=size.heads,
            kv_num_heads=size.kv_heads,
            scale=size.head_size**-0.5,
            do_rotary=1,
            rotary_interleaved=0,
        )
        out = self._linear(layer, "out", attended, weights.matrix(block + "attn_output.weight"))
        normed, residual = self._add_and_norm(residual, out, block + "ffn_norm.weight", here + "ffn")
        gate = self._linear(layer, "gate", normed, weights.matrix(block + "ffn_gate.weight"))
        up = self._linear(layer, "up", normed, weights.matrix(block + "ffn_up.weight"))
        sigmoid = self._graph.node("Sigmoid", [gate], [here + "sigmoid"])
        silu = self._graph.node("Mul", [gate, sigmoid], [here + "silu"])
        gated = self._graph.node("Mul", [silu, up], [here + "gated"])
        down = self._linear(layer, "down", gated, weights.matrix(block + "ffn_down.weight"))
        is_last = layer == size.layers - 1
        norm = "output_norm.weight" if is_last else f"blk.{layer + 1}.attn_norm.weight"
        return self._add_and_norm(residual, down, norm, here + "end")

    def _head(self, hidden: str) -> None:
        if not self._weights.head_is_embedding:
            self._multiply(hidden, "logits", self._weights.matrix("output.weight"))
        elif self._exact:
            turned = self._graph.node("Transpose", ["embedding"], ["embedding.turned"], perm=[1, 0])
            self._graph.node("MatMul", [hidden, turned], ["logits"])
        else:
            self._quantised_multiply(hidden, "logits", self._table_constants, self._table)

    def _add_and_norm(self, residual: str, branch: str, norm: str, name: str) -> tuple[str, str]:
        """Returns the normed sum, and the sum."""
        outputs = [name + ".norm", "", "", name + ".sum"]
        self._graph.node(
            "SkipSimplifiedLayerNormalization",
            [residual, branch, self._norm(norm)],
            outputs,
            domain=MICROSOFT,
            epsilon=self._size.epsilon,
        )
        return outputs[0], outputs[3]

    def _norm(self, name: str) -> str:
        return self._graph.constant(name, self._weights.vector(name))

    def _linear(self, layer: int, part: str, hidden: str, blocks: Blocks) -> str:
        name = f"layer{layer}.{part}"
        product = self._multiply(hidden, name, blocks)
        if self._room is None or layer < self._room.first_layer:
            return product
        rank = self._room.rank * (3 if part == "qkv" else 1)
        shapes = (blocks.levels.shape[1] * BLOCK, rank), (rank, len(blocks.levels))
        first, second = adapter_names(layer, part)
        for matrix, shape in zip((first, second), shapes, strict=True):
            self._graph.constant(matrix, np.zeros(shape, np.float32))
            self._adapter_inputs.append(helper.make_tensor_value_info(matrix, TensorProto.FLOAT, shape))
        narrow = self._graph.node("MatMul", [hidden, first], [name + ".narrow"])
        wide = self._graph.node("MatMul", [narrow, second], [name + ".wide"])
        return self._graph.node("Add", [product, wide], [name + ".adapted"])

    def _multiply(self, hidden: str, name: str, blocks: Blocks) -> str:
        if self._exact:
            dense = self._graph.constant(name + ".weight", np.ascontiguousarray(blocks.dense().T))
            return self._graph.node("MatMul", [hidden, dense], [name])
        return self._quantised_multiply(hidden, name, self._eight_bits(name, blocks), blocks)

    def _eight_bits(self, name: str, blocks: Blocks) -> list[str]:
        """Constants for the levels, the scale and, where they are not all 128, the zero points."""
        parts = zip(("levels", "scale", "zero"), to_eight_bits(blocks), strict=True)
        return [self._graph.constant(f"{name}.{part}", values) for part, values in parts if values is not None]

    def _quantised_multiply(self, hidden: str, name: str, constants: list[str], blocks: Blocks) -> str:
        return self._graph.node(
            "MatMulNBits",
            [hidden, *constants],
            [name],
            domain=MICROSOFT,
            K=blocks.levels.shape[1] * BLOCK,
            N=len(blocks.levels),
            bits=8,
            block_size=BLOCK,
            accuracy_level=ACCURACY_LEVEL,
        )

    def _model(self) -> onnx.ModelProto:
        size = self._size
        vocabulary = len(self._table.levels)
        inputs = [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"]),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "total"]),
            *self._adapter_inputs,
        ]
        outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1, vocabulary])]
        for layer in range(size.layers):
            for part in ("key", "value"):
                past: list[str | int | None] = ["batch", size.kv_heads, "past", size.head_size]
                present: list[str | int | None] = ["batch", size.kv_heads, "total", size.head_size]
                inputs.append(helper.make_tensor_value_info(f"past_key_values.{layer}.{part}", TensorProto.FLOAT, past))
                outputs.append(helper.make_tensor_value_info(f"present.{layer}.{part}", TensorProto.FLOAT, present))
        graph = helper.make_graph(self._graph.nodes, size.name, inputs, outputs, self._graph.constants)
        domains = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=domains, ir_version=IR_VERSION)
