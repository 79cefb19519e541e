"""The graph, and one preallocated key/value buffer for all its requests.

Slot i of the buffer belongs to row i of the batch.
"""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from osiris_inference.memory import zeros
from osiris_inference.model_folder import Layout, ModelFolder
from osiris_inference.onnx_engine.adapters import Adapters, Parameters
from osiris_inference.onnx_engine.config import OnnxEngineConfig
from osiris_inference.onnx_engine.inspection import inspect
from osiris_inference.onnx_engine.prefix_cache import BLOCK, Block

onnxruntime.disable_telemetry_events()

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_PROVIDERS = {"cpu": ["CPUExecutionProvider"], "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"]}

Logits = NDArray[np.float32]
Tokens = NDArray[np.int64]


def open_decoder(folder: ModelFolder, config: OnnxEngineConfig) -> "Decoder":
    """The decoder that fits the folder's graph.

    Raises:
        ValueError: the graph is no decoder, or not the one its config describes.
    """
    shared = folder.shared_cache
    if shared is None:
        found = inspect(folder.graph)
        shared, layout = found.shared_cache, folder.layout
        if found.positions is not None and config.context > found.positions:
            raise ValueError(
                f"expected positions for a context of {config.context} in {folder.graph}, it has {found.positions}"
            )
        if None not in (found.rotary, layout.rotary) and found.rotary != layout.rotary:
            raise ValueError(f"expected {layout.rotary} rotary values a head in {folder.graph}, it has {found.rotary}")
    return (SharedCacheDecoder if shared else GrowingCacheDecoder)(folder.graph, folder.layout, config)


class Decoder:
    """Runs the model over rows of tokens."""

    def __init__(self, graph: Path, layout: Layout, config: OnnxEngineConfig) -> None:
        self._session = _session(graph, config)
        self._layout = layout
        inputs = {item.name: item for item in self._session.get_inputs()}
        outputs = {item.name: item for item in self._session.get_outputs()}
        self._caches = layout.caches(_layers(layout, inputs))
        _check(graph, layout, inputs, outputs, self._caches)
        self._wants_positions = layout.positions in inputs
        first = inputs[self._caches[0][0]]
        _, heads, _, size = first.shape
        shape = (config.slots, heads, config.context, size)
        self._buffers = [zeros(shape, _TYPES[first.type]) for _ in self._caches]
        self.vocabulary = int(outputs[layout.logits].shape[-1])
        self.lengths = np.zeros(config.slots, np.int64)
        self.touched = np.zeros(config.slots, np.int64)
        """Tokens of each slot whose memory was ever written to: it stays real."""
        self.bytes_per_token = sum(buffer[0, :, 0].nbytes for buffer in self._buffers)
        self.adapters = Adapters(config.adapters)
        self._parameters: Parameters = {}

    def use(self, adapter: str | None) -> None:
        """Run with a LoRA adapter from now on; None: with none.

        Raises:
            AdapterNotFound: there is none of this name.
        """
        self._parameters = self.adapters.parameters(adapter)

    def prefill(self, slot: int, tokens: list[int]) -> Logits:
        """Run a whole prompt in `slot`; returns the logits after its last token, shape (vocabulary,)."""
        self.clear(slot)
        return self.extend(slot, tokens)

    def extend(self, slot: int, tokens: list[int]) -> Logits:
        """Run more tokens in `slot` behind what it holds; returns the logits after the last, shape (vocabulary,).

        With a shared cache, in how many pieces a prompt comes makes no difference, not in one bit.
        """
        logits: Logits = self._run(slot, slot + 1, np.array([tokens], np.int64))[0]
        return logits

    def clear(self, slot: int) -> None:
        """Let `slot` hold nothing."""
        self.touched[slot] = max(self.touched[slot], self.lengths[slot])
        self.lengths[slot] = 0

    def restore(self, slot: int, blocks: list[Block]) -> None:
        """Put the tokens of `blocks`, computed before, behind what `slot` holds."""
        for block in blocks:
            begin = self.lengths[slot]
            for part, buffer in zip(block, self._buffers, strict=True):
                buffer[slot, :, begin : begin + BLOCK] = part
            self.lengths[slot] += BLOCK

    def block(self, slot: int, number: int) -> Block:
        """A copy of the keys and values of one block of tokens in `slot`."""
        within = slice(number * BLOCK, (number + 1) * BLOCK)
        return np.stack([buffer[slot, :, within] for buffer in self._buffers])

    def step(self, tokens: list[int]) -> Logits:
        """One more token for each of the first len(tokens) slots; returns logits, shape (slots, vocabulary)."""
        return self._run(0, len(tokens), np.array(tokens, np.int64)[:, None])

    def move(self, source: int, target: int) -> None:
        """Let `target` be what `source` was."""
        length = self.lengths[source]
        for buffer in self._buffers:
            buffer[target, :, :length] = buffer[source, :, :length]
        self.clear(target)
        self.lengths[target] = length

    @property
    def cache_bytes(self) -> int:
        """Memory that keys and values have taken so far."""
        np.maximum(self.touched, self.lengths, out=self.touched)
        return int(self.touched.sum()) * self.bytes_per_token

    def _run(self, first: int, end: int, tokens: Tokens) -> Logits:
        raise NotImplementedError

    def _positions(self, before: NDArray[np.int64], tokens: Tokens) -> NDArray[np.int64]:
        return before[:, None] + np.arange(tokens.shape[1])[None]


class SharedCacheDecoder(Decoder):
    """A graph whose attention is GroupQueryAttention: the same memory is bound as past and as present, so that a step
    writes the new keys and values in place and copies nothing."""

    def __init__(self, graph: Path, layout: Layout, config: OnnxEngineConfig) -> None:
        super().__init__(graph, layout, config)
        self._bindings: dict[tuple[int, int], onnxruntime.IOBinding] = {}

    def use(self, adapter: str | None) -> None:
        """See `Decoder.use`."""
        super().use(adapter)
        self._bindings.clear()

    def _run(self, first: int, end: int, tokens: Tokens) -> Logits:
        before = self.lengths[first:end]
        after = before + tokens.shape[1]
        binding = self._bound(first, end)
        mask = (np.arange(int(after.max()))[None] < after[:, None]).astype(np.int64)
        binding.bind_cpu_input(self._layout.ids, tokens)
        binding.bind_cpu_input(self._layout.mask, mask)
        if self._wants_positions:
            binding.bind_cpu_input(self._layout.positions, self._positions(before, tokens))
        binding.bind_output(self._layout.logits, "cpu")
        self._session.run_with_iobinding(binding)
        self.lengths[first:end] = after
        logits = binding.get_outputs()[-1].numpy()
        return np.asarray(logits[:, -1], np.float32)

    def _bound(self, first: int, end: int) -> onnxruntime.IOBinding:
        """The binding of a range of slots; outputs are numbered in the order of their first binding, logits last."""
        if (first, end) not in self._bindings:
            binding = self._session.io_binding()
            for (past, present), buffer in zip(self._caches, self._buffers, strict=True):
                view = onnxruntime.OrtValue.ortvalue_from_numpy(buffer[first:end], "cpu")
                binding.bind_ortvalue_input(past, view)
                binding.bind_ortvalue_output(present, view)
            for name, value in self._parameters.items():
                binding.bind_ortvalue_input(name, value)
            self._bindings[first, end] = binding
        return self._bindings[first, end]


class GrowingCacheDecoder(Decoder):
    """A graph that appends to its past and returns the whole as present, as `optimum` exports it.

    Rows of different lengths are padded between their past and their new tokens; what is new is copied behind the past.
    """

    def _run(self, first: int, end: int, tokens: Tokens) -> Logits:
        before = self.lengths[first:end].copy()
        past, new = int(before.max()), tokens.shape[1]
        seen = (np.arange(past)[None] < before[:, None]).astype(np.int64)
        feeds = {
            self._layout.ids: tokens,
            self._layout.mask: np.concatenate([seen, np.ones_like(tokens)], axis=1),
            **{
                name: np.ascontiguousarray(buffer[first:end, :, :past])
                for (name, _), buffer in zip(self._caches, self._buffers, strict=True)
            },
        }
        feeds |= {name: value.numpy() for name, value in self._parameters.items()}
        if self._wants_positions:
            feeds[self._layout.positions] = self._positions(before, tokens)
        presents = [present for _, present in self._caches]
        logits, *caches = self._session.run([self._layout.logits, *presents], feeds)
        for cache, buffer in zip(caches, self._buffers, strict=True):
            for row, length in enumerate(before):
                buffer[first + row, :, length : length + new] = cache[row, :, past:]
        self.lengths[first:end] = before + new
        return np.asarray(logits[:, -1], np.float32)


def _session(graph: Path, config: OnnxEngineConfig) -> onnxruntime.InferenceSession:
    wanted = _PROVIDERS[config.provider]
    available = onnxruntime.get_available_providers()
    if wanted[0] not in available:
        raise ValueError(
            f"expected an onnxruntime with {wanted[0]}, this one has {', '.join(available)}; install onnxruntime-gpu"
        )
    if not graph.exists():
        raise ValueError(f"expected an ONNX graph at {graph}, there is none")
    if config.provider == "cuda":
        onnxruntime.preload_dlls()  # CUDA's libraries, where they are wheels
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = config.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # else it warns of every matrix of an adapter that it is an input, as it has to be
    # threads that wait for each other in a loop are a quarter faster, and take the cores from the desk's other engine;
    # so long a loop is enough for the first, and short enough for the second
    options.add_session_config_entry("session.intra_op.spin_duration_us", "60")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(str(graph), options, providers=wanted)


def _layers(layout: Layout, inputs: dict[str, onnxruntime.NodeArg]) -> int:
    if layout.layers is not None:
        return layout.layers
    layers = 0
    while layout.past_key % layers in inputs:
        layers += 1
    return layers


def _check(
    graph: Path,
    layout: Layout,
    inputs: dict[str, onnxruntime.NodeArg],
    outputs: dict[str, onnxruntime.NodeArg],
    caches: list[tuple[str, str]],
) -> None:
    """Raise ValueError when the graph is not what its config says."""
    needed = {layout.ids, layout.mask, *(past for past, _ in caches)}
    if not caches or needed - inputs.keys() or inputs.keys() - needed - {layout.positions}:
        odd = sorted((needed - inputs.keys()) | (inputs.keys() - needed - {layout.positions}))
        raise ValueError(
            f"expected a decoder with {layout.ids}, {layout.mask} and {len(caches)} caches such as "
            f"{layout.past_key % 0} as inputs, {graph} differs in {', '.join(odd[:6]) or 'all'}"
        )
    if missing := {layout.logits, *(present for _, present in caches)} - outputs.keys():
        raise ValueError(f"expected outputs {', '.join(sorted(missing)[:6])} of {graph}, it has none")
    promised = {"kv_heads": (1, layout.kv_heads), "head_size": (3, layout.head_size)}
    for name, (axis, expected) in promised.items():
        for past, _ in caches:
            found = inputs[past].shape[axis]
            if not isinstance(found, int) or (expected is not None and found != expected):
                raise ValueError(f"expected {name} {expected or 'as a number'} in {past} of {graph}, was {found}")
    vocabulary = outputs[layout.logits].shape[-1]
    if not isinstance(vocabulary, int) or layout.vocabulary not in (None, vocabulary):
        raise ValueError(f"expected a vocabulary of {layout.vocabulary} in {graph}, was {vocabulary}")
