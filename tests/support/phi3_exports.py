"""The tiny Phi-3 as people publish it: for onnxruntime-genai, with fused or with separate attention inputs, and as
`optimum` exports it, in plain ONNX operators."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper
from tests.support.phi3_model import Layer, Phi3, Size
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from osiris_inference.gguf_onnx.graph import MICROSOFT, Graph
from osiris_inference.onnx_engine import adapters

Style = Literal["genai-fused", "genai", "optimum"]
RANK = 4

TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}{{ eos_token }}\n"
    "{% endfor %}{{ '<|assistant|>\n' }}"
)
END = 256


def write(folder: Path, model: Phi3, style: Style, **changes: Any) -> Path:
    """Write a model folder in `style`; `changes` go into its config, right or wrong."""
    folder.mkdir(parents=True)
    graph = _Drawing(model, style).draw()
    name = "model.onnx" if style == "optimum" else "phi3-mini-4k-instruct-cpu.onnx"
    onnx.save_model(graph, str(folder / name))
    _tokenizer(folder)
    size = model.size
    config = {
        "architectures": ["Phi3ForCausalLM"],
        "hidden_size": size.width,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.kv_heads,
        "head_dim": size.head,
        "vocab_size": size.vocabulary,
        "max_position_embeddings": size.context,
        "partial_rotary_factor": size.rotary / size.head,
        "eos_token_id": END,
    }
    if style == "optimum":
        _json(folder / "config.json", config | changes)
        return folder
    decoder = {
        "filename": name,
        "head_size": size.head,
        "num_hidden_layers": size.layers,
        "num_key_value_heads": size.kv_heads,
        "inputs": {
            "input_ids": "input_ids",
            "attention_mask": "attention_mask",
            "past_key_names": "past_key_values.%d.key",
            "past_value_names": "past_key_values.%d.value",
        },
        "outputs": {
            "logits": "logits",
            "present_key_names": "present.%d.key",
            "present_value_names": "present.%d.value",
        },
    }
    facts = {"context_length": size.context, "eos_token_id": [END], "vocab_size": size.vocabulary}
    _json(folder / "genai_config.json", {"model": facts | {"type": "phi3", "decoder": decoder | changes}})
    _json(folder / "config.json", config)
    return folder


def write_adapter(path: Path, size: Size, seed: int) -> Phi3:
    """Write a random adapter for the output matrices; returns the model as it is with it."""
    random, model, parameters = np.random.default_rng(seed), Phi3(size), {}
    for number, layer in enumerate(model.layers):
        (first, shape_a), (second, shape_b) = lora_shapes(size, number).items()
        a, b = (random.normal(0, 0.5, shape).astype(np.float32) for shape in (shape_a, shape_b))
        parameters |= {first: a, second: b}
        model.layers[number] = replace(layer, out=layer.out + a @ b)
    adapters.write(path, parameters)
    return model


def lora_shapes(size: Size, layer: int) -> dict[str, tuple[int, int]]:
    """Names and shapes of the two matrices of a layer."""
    name, width = f"layers.{layer}.o_proj.lora_", size.heads * size.head
    return {f"{name}A": (width, RANK), f"{name}B": (RANK, size.width)}


def _tokenizer(folder: Path) -> None:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {token: number for number, token in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    facts = json.loads(tokenizer.to_str())
    facts["added_tokens"] = [
        {"id": END, "content": "<|end|>", "special": True}
        | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    ]
    _json(folder / "tokenizer.json", facts)
    _json(folder / "tokenizer_config.json", {"chat_template": TEMPLATE, "eos_token": {"content": "<|end|>"}})


def _json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


class _Drawing:
    """The graph of one style."""

    def __init__(self, model: Phi3, style: Style) -> None:
        self._model, self._size, self._style = model, model.size, style
        self._graph = Graph()

    def draw(self) -> onnx.ModelProto:
        graph = self._graph
        for name, table in zip(("cos", "sin"), self._model.tables(), strict=True):
            graph.constant(f"{name}_cache", table)
        graph.constant("embedding", self._model.embedding)
        hidden = graph.node("Gather", ["embedding", "input_ids"], ["embedded"])
        (self._plain_mask if self._style == "optimum" else self._lengths)()
        for number, layer in enumerate(self._model.layers):
            attended = self._attention(number, self._norm(hidden, layer.norm, f"{number}.norm"), layer)
            hidden = graph.node("Add", [hidden, attended], [f"{number}.middle"])
            hidden = graph.node("Add", [hidden, self._feed_forward(number, hidden, layer)], [f"{number}.end"])
        self._multiply(self._norm(hidden, self._model.norm, "norm"), self._model.head, "logits")
        return self._packed()

    def _lengths(self) -> None:
        graph = self._graph
        one, axis = graph.constant("one", np.array([1])), graph.constant("axis", np.array(1))
        total = graph.node("ReduceSum", ["attention_mask", one], ["mask.sum"], keepdims=0)
        last = graph.node("Sub", [total, one], ["mask.last"])
        graph.node("Cast", [last], ["seqlens_k"], to=TensorProto.INT32)
        length = graph.node("Gather", [graph.node("Shape", ["attention_mask"], ["m.shape"]), axis], ["m.total"])
        graph.node("Cast", [length], ["total_sequence_length"], to=TensorProto.INT32)

    def _plain_mask(self) -> None:
        """Additive, (batch, 1, new, total): what is padding, and what comes later, is far below."""
        graph = self._graph
        zero, one = graph.constant("zero", np.array(0)), graph.constant("one", np.array(1))
        new = graph.node("Gather", [graph.node("Shape", ["input_ids"], ["i.shape"]), one], ["new"])
        total = graph.node("Gather", [graph.node("Shape", ["attention_mask"], ["m.shape"]), one], ["total"])
        past = graph.node("Sub", [total, new], ["past"])
        columns = graph.node("Range", [zero, total, one], ["columns"])
        rows = graph.node("Add", [graph.node("Range", [zero, new, one], ["fresh"]), past], ["rows"])
        axis = graph.constant("last.axis", np.array([1]))
        later = graph.node("Greater", [columns, graph.node("Unsqueeze", [rows, axis], ["rows.2d"])], ["later"])
        axes = graph.constant("mask.axes", np.array([1, 2]))
        kept = graph.node("Unsqueeze", ["attention_mask", axes], ["kept"])
        padding = graph.node("Equal", [kept, zero], ["padding"])
        hidden = graph.node("Or", [later, padding], ["hidden.places"])
        low, none = graph.constant("low", np.float32(-1e9)[None]), graph.constant("none", np.float32(0)[None])
        graph.node("Where", [hidden, low, none], ["bias"])
        for name in ("cos", "sin"):
            picked = graph.node("Gather", [f"{name}_cache", "position_ids"], [f"{name}.picked"])
            graph.node("Unsqueeze", [picked, axis], [f"{name}.here"])

    def _attention(self, number: int, hidden: str, layer: Layer) -> str:
        if self._style == "optimum":
            mixed = self._plain_attention(number, hidden, layer)
        elif self._style == "genai-fused":
            mixed = self._group_query(number, [self._multiply(hidden, layer.qkv, f"{number}.qkv"), "", ""], rotary=True)
        else:
            query, key, value = self._separate(number, hidden, layer)
            turned = [self._rotary(each, number, name) for each, name in ((query, "q"), (key, "k"))]
            mixed = self._group_query(number, [*turned, value], rotary=False)
        return self._graph.node(
            "Add", [self._multiply(mixed, layer.out, f"{number}.out"), self._low_rank(number, mixed)], [f"{number}.o"]
        )

    def _low_rank(self, number: int, mixed: str) -> str:
        """Zero unless an adapter replaces its two matrices, which are inputs with a default."""
        for part, shape in lora_shapes(self._size, number).items():
            self._graph.constant(part, np.zeros(shape, np.float32))
        first, second = lora_shapes(self._size, number)
        down = self._graph.node("MatMul", [mixed, first], [f"{number}.low"])
        return self._graph.node("MatMul", [down, second], [f"{number}.lora"])

    def _separate(self, number: int, hidden: str, layer: Layer) -> list[str]:
        size = self._size
        edges = [size.heads * size.head, (size.heads + size.kv_heads) * size.head]
        parts = np.split(layer.qkv, edges, axis=1)
        return [self._multiply(hidden, part, f"{number}.{name}") for part, name in zip(parts, "qkv", strict=True)]

    def _rotary(self, heads: str, number: int, name: str) -> str:
        size = self._size
        return self._graph.node(
            "RotaryEmbedding",
            [heads, "position_ids", "cos_cache", "sin_cache"],
            [f"{number}.{name}.turned"],
            domain=MICROSOFT,
            num_heads=size.heads if name == "q" else size.kv_heads,
            rotary_embedding_dim=size.rotary if size.rotary != size.head else 0,
        )

    def _group_query(self, number: int, qkv: list[str], *, rotary: bool) -> str:
        caches = [f"past_key_values.{number}.{part}" for part in ("key", "value")]
        tables = ["cos_cache", "sin_cache"] if rotary else []
        return self._graph.node(
            "GroupQueryAttention",
            [*qkv, *caches, "seqlens_k", "total_sequence_length", *tables],
            [f"{number}.mixed", f"present.{number}.key", f"present.{number}.value"],
            domain=MICROSOFT,
            num_heads=self._size.heads,
            kv_num_heads=self._size.kv_heads,
            do_rotary=int(rotary),
        )

    def _plain_attention(self, number: int, hidden: str, layer: Layer) -> str:
        graph, size = self._graph, self._size
        query, key, value = (
            self._heads(each, f"{number}.{name}", count)
            for each, name, count in zip(
                self._separate(number, hidden, layer), "qkv", (size.heads, size.kv_heads, size.kv_heads), strict=True
            )
        )
        query, key = self._turned(query, f"{number}.q"), self._turned(key, f"{number}.k")
        past = f"past_key_values.{number}."
        key = graph.node("Concat", [past + "key", key], [f"present.{number}.key"], axis=2)
        value = graph.node("Concat", [past + "value", value], [f"present.{number}.value"], axis=2)
        key, value = self._repeated(key, f"{number}.k"), self._repeated(value, f"{number}.v")
        flipped = graph.node("Transpose", [key], [f"{number}.k.flipped"], perm=[0, 1, 3, 2])
        scale = graph.constant(f"{number}.scale", np.float32(size.head**-0.5)[None])
        scores = graph.node("MatMul", [query, flipped], [f"{number}.raw"])
        scores = graph.node("Mul", [scores, scale], [f"{number}.scores"])
        scores = graph.node("Add", [scores, "bias"], [f"{number}.masked"])
        weights = graph.node("Softmax", [scores], [f"{number}.weights"], axis=-1)
        mixed = graph.node("MatMul", [weights, value], [f"{number}.by.head"])
        mixed = graph.node("Transpose", [mixed], [f"{number}.back"], perm=[0, 2, 1, 3])
        shape = graph.constant(f"{number}.flat", np.array([0, 0, size.heads * size.head]))
        return graph.node("Reshape", [mixed, shape], [f"{number}.mixed"])

    def _heads(self, values: str, name: str, count: int) -> str:
        shape = self._graph.constant(f"{name}.shape", np.array([0, 0, count, self._size.head]))
        split = self._graph.node("Reshape", [values, shape], [f"{name}.split"])
        return self._graph.node("Transpose", [split], [f"{name}.heads"], perm=[0, 2, 1, 3])

    def _turned(self, heads: str, name: str) -> str:
        graph, size = self._graph, self._size
        half, rest = size.rotary // 2, size.head - size.rotary
        sizes = [half, half, *([rest] if rest else [])]
        parts = [f"{name}.part{index}" for index in range(len(sizes))]
        graph.node("Split", [heads, graph.constant(f"{name}.sizes", np.array(sizes))], parts, axis=-1)
        first, second, *kept = parts
        products = {
            (part, table): graph.node("Mul", [part, f"{table}.here"], [f"{part}.{table}"])
            for part in (first, second)
            for table in ("cos", "sin")
        }
        left = graph.node("Sub", [products[first, "cos"], products[second, "sin"]], [f"{name}.left"])
        right = graph.node("Add", [products[second, "cos"], products[first, "sin"]], [f"{name}.right"])
        return graph.node("Concat", [left, right, *kept], [f"{name}.turned"], axis=-1)

    def _repeated(self, heads: str, name: str) -> str:
        """Every key head for as many query heads as share it."""
        size = self._size
        order = np.repeat(np.arange(size.kv_heads), size.heads // size.kv_heads)
        return self._graph.node(
            "Gather", [heads, self._graph.constant(f"{name}.order", order)], [f"{name}.repeated"], axis=1
        )

    def _feed_forward(self, number: int, hidden: str, layer: Layer) -> str:
        graph = self._graph
        normed = self._norm(hidden, layer.ffn_norm, f"{number}.ffn")
        both = self._multiply(normed, layer.gate_up, f"{number}.gate_up")
        gate, up = f"{number}.gate", f"{number}.up"
        graph.node("Split", [both], [gate, up], axis=-1, num_outputs=2)
        silu = graph.node("Mul", [gate, graph.node("Sigmoid", [gate], [f"{number}.sigmoid"])], [f"{number}.silu"])
        return self._multiply(graph.node("Mul", [silu, up], [f"{number}.inner"]), layer.down, f"{number}.down")

    def _norm(self, hidden: str, weight: np.ndarray, name: str) -> str:
        constant = self._graph.constant(f"{name}.weight", weight)
        return self._graph.node(
            "SimplifiedLayerNormalization",
            [hidden, constant],
            [f"{name}.normed"],
            epsilon=self._size.epsilon,
            axis=-1,
            stash_type=1,
        )

    def _multiply(self, hidden: str, matrix: np.ndarray, name: str) -> str:
        return self._graph.node(
            "MatMul", [hidden, self._graph.constant(f"{name}.matrix", np.ascontiguousarray(matrix))], [name]
        )

    def _packed(self) -> onnx.ModelProto:
        size = self._size
        integers = [("input_ids", ["batch", "new"]), ("attention_mask", ["batch", "total"])]
        if self._style != "genai-fused":
            integers.append(("position_ids", ["batch", "new"]))
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name, shape in integers]
        for layer in range(size.layers):
            for name, low_rank in lora_shapes(size, layer).items():
                inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, low_rank))
        outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "new", size.vocabulary])]
        for layer in range(size.layers):
            for part in ("key", "value"):
                for values, name, length in ((inputs, "past_key_values", "past"), (outputs, "present", "total")):
                    shape = ["batch", size.kv_heads, length, size.head]
                    values.append(helper.make_tensor_value_info(f"{name}.{layer}.{part}", TensorProto.FLOAT, shape))
        graph = helper.make_graph(self._graph.nodes, "phi3", inputs, outputs, self._graph.constants)
        domains = [helper.make_opsetid("", 18), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=domains, ir_version=10)
