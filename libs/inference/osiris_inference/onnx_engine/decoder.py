"""The graph, and one preallocated key/value buffer for all its requests.

Slot i of the buffer belongs to row i of the batch. The same memory is bound as past and as present, so that a step
writes the new keys and values in place and copies nothing.
"""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from osiris_inference.onnx_engine.config import OnnxEngineConfig
from osiris_inference.onnx_engine.prefix_cache import BLOCK, Block

onnxruntime.disable_telemetry_events()

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}

Logits = NDArray[np.float32]


class Decoder:
    """Runs the model over rows of tokens.

    Args:
        graph: an ONNX file whose attention is GroupQueryAttention.

    Raises:
        ValueError: the graph is of another kind.
    """

    def __init__(self, graph: Path, config: OnnxEngineConfig) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = config.threads
        options.inter_op_num_threads = 1
        # two engines share the cores of a desk: a thread that spins while it waits takes them from the other
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        inputs = {item.name: item for item in self._session.get_inputs()}
        caches = [name for name in inputs if name.startswith("past_key_values.")]
        if not caches or not {"input_ids", "attention_mask"} <= inputs.keys():
            raise ValueError(
                f"expected a decoder graph with input_ids, attention_mask and past_key_values, {graph} has "
                f"{', '.join(sorted(inputs)[:6])}"
            )
        self._wants_positions = "position_ids" in inputs
        _, heads, _, size = inputs[caches[0]].shape
        # one slot more than requests run: there the next one's prompt is read
        shape = (config.slots + 1, heads, config.context, size)
        self._buffers = {name: np.zeros(shape, _TYPES[inputs[name].type]) for name in caches}
        outputs = self._session.get_outputs()
        self.vocabulary = next(int(item.shape[-1]) for item in outputs if item.name == "logits")
        self._bindings: dict[tuple[int, int], onnxruntime.IOBinding] = {}
        self.lengths = np.zeros(config.slots + 1, np.int64)

    def prefill(self, slot: int, tokens: list[int]) -> Logits:
        """Run a whole prompt in `slot`; returns the logits after its last token, shape (vocabulary,)."""
        self.lengths[slot] = 0
        return self.extend(slot, tokens)

    def extend(self, slot: int, tokens: list[int]) -> Logits:
        """Run more tokens in `slot` behind what it holds; returns the logits after the last, shape (vocabulary,).

        In how many pieces a prompt comes makes no difference, not in one bit.
        """
        logits: Logits = self._run(slot, slot + 1, np.array([tokens], np.int64))[0]
        return logits

    def restore(self, slot: int, blocks: list[Block]) -> None:
        """Let `slot` hold the tokens of `blocks`, computed before, and nothing else."""
        for number, block in enumerate(blocks):
            for part, buffer in zip(block, self._buffers.values(), strict=True):
                buffer[slot, :, number * BLOCK : (number + 1) * BLOCK] = part
        self.lengths[slot] = len(blocks) * BLOCK

    def block(self, slot: int, number: int) -> Block:
        """A copy of the keys and values of one block of tokens in `slot`."""
        within = slice(number * BLOCK, (number + 1) * BLOCK)
        return np.stack([buffer[slot, :, within] for buffer in self._buffers.values()])

    def step(self, tokens: list[int]) -> Logits:
        """One more token for each of the first len(tokens) slots; returns logits, shape (slots, vocabulary)."""
        return self._run(0, len(tokens), np.array(tokens, np.int64)[:, None])

    def move(self, source: int, target: int) -> None:
        """Let `target` be what `source` was."""
        length = self.lengths[source]
        for buffer in self._buffers.values():
            buffer[target, :, :length] = buffer[source, :, :length]
        self.lengths[target] = length

    def _run(self, first: int, end: int, tokens: NDArray[np.int64]) -> Logits:
        before = self.lengths[first:end]
        after = before + tokens.shape[1]
        binding = self._bound(first, end)
        mask = (np.arange(int(after.max()))[None] < after[:, None]).astype(np.int64)
        binding.bind_cpu_input("input_ids", tokens)
        binding.bind_cpu_input("attention_mask", mask)
        if self._wants_positions:
            positions = before[:, None] + np.arange(tokens.shape[1])[None]
            binding.bind_cpu_input("position_ids", positions)
        binding.bind_output("logits", "cpu")
        self._session.run_with_iobinding(binding)
        self.lengths[first:end] = after
        logits = binding.get_outputs()[-1].numpy()
        return np.asarray(logits[:, -1], np.float32)

    def _bound(self, first: int, end: int) -> onnxruntime.IOBinding:
        """The binding of a range of slots; outputs are numbered in the order of their first binding, logits last."""
        if (first, end) not in self._bindings:
            binding = self._session.io_binding()
            for name, buffer in self._buffers.items():
                view = onnxruntime.OrtValue.ortvalue_from_numpy(buffer[first:end], "cpu")
                binding.bind_ortvalue_input(name, view)
                binding.bind_ortvalue_output(name.replace("past_key_values", "present"), view)
            self._bindings[first, end] = binding
        return self._bindings[first, end]
