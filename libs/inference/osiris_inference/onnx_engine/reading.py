"""Reading a prompt beside the requests that run, in pieces that hold them up little."""

from dataclasses import dataclass
from time import perf_counter

from osiris_inference.onnx_engine.decoder import Decoder, Logits
from osiris_inference.onnx_engine.prefix_cache import BLOCK, Block, Key, PrefixCache, keys_of
from osiris_inference.onnx_engine.sequence import Sequence

PATIENCE = 1.8
"""Steps of the running requests that one piece may take: a gap between their tokens is about three times the usual."""

SMALLEST, FIRST, LARGEST, ALONE = 4, 16, 64, 256
"""Tokens of a piece: beside others at least, at first and at most; and when nothing else runs."""

SHORT = 512
"""Tokens of a prompt that is read in the largest pieces: small ones cost everybody more than they spare."""

_BLOCKS = 8  # known ones, restored between two steps


class Pace:
    """How many tokens of a prompt to read between two steps, from what steps and pieces took before."""

    def __init__(self) -> None:
        self._step_seconds = 0.0
        self._tokens = FIRST

    def stepped(self, seconds: float) -> None:
        """A step of the running requests took so long."""
        self._step_seconds = seconds if not self._step_seconds else 0.8 * self._step_seconds + 0.2 * seconds

    def read(self, tokens: int, seconds: float) -> None:
        """A piece took so long; the next one takes about as long a token, and a little longer the deeper it lies."""
        if seconds and self._step_seconds:
            wanted = int(tokens * PATIENCE * self._step_seconds / seconds)
            self._tokens = max(SMALLEST, min(wanted, 2 * self._tokens, LARGEST))

    def begin(self) -> None:
        """Another prompt."""
        self._tokens = FIRST

    @property
    def tokens(self) -> int:
        """Of the next piece."""
        return self._tokens


@dataclass(slots=True)
class Reading:
    """A prompt that is being read.

    Attributes:
        slot: where; behind those that run.
        keys: of its whole blocks.
        known: blocks at its beginning that were computed before, and are not restored yet.
        done: tokens that are read.
    """

    sequence: Sequence
    slot: int
    keys: list[Key]
    known: list[Block]
    done: int = 0


class Reader:
    """Reads one prompt at a time, and keeps its blocks for the next that begins alike."""

    def __init__(self, decoder: Decoder, prefixes: PrefixCache) -> None:
        self._decoder = decoder
        self._prefixes = prefixes
        self.pace = Pace()

    def begin(self, sequence: Sequence, slot: int) -> Reading:
        """Begin a prompt in a free slot, with what is known of it from earlier ones."""
        keys = keys_of(sequence.prompt, sequence.adapter) if self._prefixes.limit else []
        known = self._prefixes.longest(keys)
        self._decoder.clear(slot)
        sequence.times.begun = perf_counter()
        sequence.cached = len(known) * BLOCK
        self.pace.begin()
        return Reading(sequence, slot, keys, known)

    def read(self, reading: Reading, *, beside: bool, crowded: bool) -> Logits | None:
        """Read one piece; `beside` others a short one, unless more wait than run (`crowded`).

        Returns the logits after the whole prompt, None before.
        """
        if reading.known:
            count = _BLOCKS if beside else len(reading.known)
            now, reading.known = reading.known[:count], reading.known[count:]
            self._decoder.restore(reading.slot, now)
            reading.done += len(now) * BLOCK
            return None
        begun = perf_counter()
        piece = reading.sequence.prompt[reading.done :][: self._size(reading) if beside and not crowded else ALONE]
        logits = self._decoder.extend(reading.slot, piece)
        self._keep(reading, len(piece))
        reading.done += len(piece)
        if beside and not crowded:
            self.pace.read(len(piece), perf_counter() - begun)
        return logits if reading.done == len(reading.sequence.prompt) else None

    def _size(self, reading: Reading) -> int:
        unknown = len(reading.sequence.prompt) - reading.sequence.cached
        return LARGEST if unknown <= SHORT else self.pace.tokens

    def _keep(self, reading: Reading, tokens: int) -> None:
        """Keep the blocks that the piece completed."""
        completed = range(reading.done // BLOCK, min((reading.done + tokens) // BLOCK, len(reading.keys)))
        new = ((reading.keys[number], number) for number in completed if reading.keys[number] not in self._prefixes)
        self._prefixes.add((key, self._decoder.block(reading.slot, number)) for key, number in new)
