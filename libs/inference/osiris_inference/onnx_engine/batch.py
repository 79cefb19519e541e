"""The running batch: a thread that decodes; requests join and leave it at any step."""

import threading
from collections import deque
from time import perf_counter
from typing import get_args

import structlog

from osiris_contracts import Priority
from osiris_inference.budget import MemoryBudget, Prediction, resident
from osiris_inference.onnx_engine.decoder import Decoder, Logits
from osiris_inference.onnx_engine.prefix_cache import PrefixCache
from osiris_inference.onnx_engine.reading import Reader, Reading
from osiris_inference.onnx_engine.sequence import Sequence
from osiris_inference.protocol import EngineClosed, EngineError, QueueFull, RequestCancelled

_ORDER: tuple[Priority, ...] = get_args(Priority)

_log = structlog.get_logger(__name__)


class Batch:
    """Decodes the sequences given to it, as many at once as there are slots.

    Args:
        budget: of memory; a sequence that does not fit beside the others waits.
        waiting: sequences that may wait for a slot.
    """

    def __init__(self, decoder: Decoder, budget: MemoryBudget, *, slots: int, waiting: int, prefix_cache: int) -> None:
        self._decoder = decoder
        self._budget = budget
        self._slots = slots
        self._limit = waiting
        self._waiting: dict[Priority, deque[Sequence]] = {priority: deque() for priority in _ORDER}
        self._reading: Reading | None = None
        self._adapter: str | None = None
        self._running: list[Sequence] = []
        self.prefixes = PrefixCache(prefix_cache)
        self._reader = Reader(decoder, self.prefixes)
        self._changed = threading.Condition()
        self._ending = False
        self._aborting = False
        self.decoded_tokens = 0
        self._thread = threading.Thread(target=self._loop, name="onnx-batch", daemon=True)
        self._thread.start()

    @property
    def running(self) -> int:
        """Sequences being read or decoded."""
        return len(self._running) + (self._reading is not None)

    @property
    def waiting(self) -> int:
        """Sequences that wait for a slot."""
        return sum(len(queue) for queue in self._waiting.values())

    @property
    def peak(self) -> Prediction:
        """The predicted peak of what runs."""
        return self._peak(0)

    def join(self, sequence: Sequence) -> None:
        """Take a sequence in at the next step.

        Raises:
            QueueFull: too many wait.
            EngineClosed: the batch ends.
            MemoryExceeded: it would not fit alone.
        """
        self._require(sequence.tokens)
        with self._changed:
            if self._ending:
                raise EngineClosed("expected a running engine, it was closed")
            if self.waiting >= self._limit:
                raise QueueFull(f"expected fewer than {self._limit} waiting requests; try again in a few seconds")
            self._waiting[sequence.priority].append(sequence)
            self._changed.notify()

    def _require(self, tokens: int) -> None:
        if not (self.running or self.waiting or self._budget.predict(tokens).fits):
            self._budget.relearn(resident(), self._decoder.cache_bytes + self.prefixes.bytes)
        self._budget.require(tokens)

    def cancel(self, request_id: str) -> None:
        """End a sequence at the next step."""
        with self._changed:
            for sequence in self._all():
                if sequence.id == request_id:
                    sequence.cancelled = True
            self._changed.notify()

    def end(self, *, abort: bool) -> None:
        """Take nothing in any more; `abort` ends what runs. The thread ends when nothing is left."""
        with self._changed:
            self._ending = True
            self._aborting = self._aborting or abort
            self._changed.notify()

    def wait(self) -> None:
        """Until the thread has ended."""
        self._thread.join()

    def _loop(self) -> None:
        while self._has_work():
            try:
                self._drop_cancelled()
                self._admit()
                self._step()
            except Exception as error:
                _log.exception("decoding failed")
                self._fail_all(EngineError(f"decoding failed: {error}"))

    def _has_work(self) -> bool:
        """Wait for work; False when the batch ends."""
        with self._changed:
            while not (self.waiting or self.running):
                if self._ending:
                    return False
                self._changed.wait()
        if self._aborting:
            self._fail_all(EngineClosed("the engine was closed"))
        return True

    def _all(self) -> list[Sequence]:
        reading = [self._reading.sequence] if self._reading else []
        return [*(each for queue in self._waiting.values() for each in queue), *reading, *self._running]

    def _drop_cancelled(self) -> None:
        with self._changed:
            dropped = [sequence for sequence in self._all() if sequence.cancelled]
            gone = {id(sequence) for sequence in dropped}  # one that is cancelled from here on is dropped next time
            for priority, queue in self._waiting.items():
                self._waiting[priority] = deque(sequence for sequence in queue if id(sequence) not in gone)
            if self._reading and id(self._reading.sequence) in gone:
                self._reading = None
            for slot in reversed(range(len(self._running))):
                if id(self._running[slot]) in gone:
                    self._leave(slot)
        for sequence in dropped:
            sequence.emit(RequestCancelled(f"request {sequence.id} was cancelled"))

    def _admit(self) -> None:
        """Read one piece of the next prompt; when it was the last, its request runs with the others."""
        reading = self._reading or self._begin()
        if reading is None:
            return
        running = len(self._running)
        logits = self._reader.read(reading, beside=running > 0, crowded=self.waiting > running)
        if logits is None:
            return
        self._reading = None
        self._budget.learn(resident(), self._decoder.cache_bytes + self.prefixes.bytes)
        slot = len(self._running)
        if reading.slot != slot:  # somebody left meanwhile
            self._decoder.move(reading.slot, slot)
        self._running.append(reading.sequence)
        if not self._advance(reading.sequence, logits):
            self._leave(slot)

    def _begin(self) -> Reading | None:
        """Take the next request, if there is one and a slot for it."""
        with self._changed:
            queue = next((self._waiting[priority] for priority in _ORDER if self._waiting[priority]), None)
            if queue is None or len(self._running) == self._slots:
                return None
            if self._running and not self._peak(queue[0].tokens).fits:
                return None  # nobody overtakes it, or it would wait for ever
            if self._running and queue[0].adapter != self._adapter:
                return None  # one adapter at a time; it waits for those that run, and nobody overtakes it
            sequence = queue.popleft()
            if sequence.adapter != self._adapter:
                self._decoder.use(sequence.adapter)
                self._adapter = sequence.adapter
            self._reading = self._reader.begin(sequence, len(self._running))
            return self._reading

    def _peak(self, more: int) -> Prediction:
        """The predicted peak with so many tokens more."""
        reading = [self._reading.sequence] if self._reading else []
        tokens = sum(sequence.tokens for sequence in (*self._running, *reading))
        return self._budget.predict(tokens + more, self.prefixes.bytes)

    def _step(self) -> None:
        if not self._running:
            return
        begun = perf_counter()
        if len(self._running) == 1:
            logits = self._decoder.extend(0, self._running[0].pending)[None]
        else:
            for slot, sequence in enumerate(self._running):
                if forced := sequence.pending[:-1]:
                    self._decoder.extend(slot, forced)
            logits = self._decoder.step([sequence.pending[-1] for sequence in self._running])
        self._reader.pace.stepped(perf_counter() - begun)
        finished = [slot for slot, sequence in enumerate(self._running) if not self._advance(sequence, logits[slot])]
        for slot in reversed(finished):
            self._leave(slot)

    def _advance(self, sequence: Sequence, logits: Logits) -> bool:
        before = sequence.generated
        goes_on = sequence.advance(logits)
        self.decoded_tokens += sequence.generated - before
        return goes_on

    def _leave(self, slot: int) -> None:
        """Free a slot: the last running sequence moves into it, so that the running ones stay side by side."""
        last = len(self._running) - 1
        if slot != last:
            self._decoder.move(last, slot)
            self._running[slot] = self._running[last]
        self._running.pop()

    def _fail_all(self, error: EngineError) -> None:
        with self._changed:
            failed = self._all()
            self._running.clear()
            self._reading = None
            for queue in self._waiting.values():
                queue.clear()
        for sequence in failed:
            sequence.emit(error)
