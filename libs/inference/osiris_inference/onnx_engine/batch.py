"""The running batch: a thread that decodes; requests join and leave it at any step."""

import threading
from collections import deque

import structlog

from osiris_inference.onnx_engine.decoder import Decoder
from osiris_inference.onnx_engine.sequence import Sequence
from osiris_inference.protocol import EngineClosed, EngineError, QueueFull, RequestCancelled

_log = structlog.get_logger(__name__)


class Batch:
    """Decodes the sequences given to it, as many at once as there are slots.

    Args:
        waiting: sequences that may wait for a slot.
    """

    def __init__(self, decoder: Decoder, *, slots: int, waiting: int) -> None:
        self._decoder = decoder
        self._slots = slots
        self._limit = waiting
        self._waiting: deque[Sequence] = deque()
        self._running: list[Sequence] = []
        self._changed = threading.Condition()
        self._ending = False
        self._aborting = False
        self.decoded_tokens = 0
        self._thread = threading.Thread(target=self._loop, name="onnx-batch", daemon=True)
        self._thread.start()

    @property
    def running(self) -> int:
        """Sequences being decoded."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Sequences that wait for a slot."""
        return len(self._waiting)

    def join(self, sequence: Sequence) -> None:
        """Take a sequence in at the next step.

        Raises:
            QueueFull: too many wait.
            EngineClosed: the batch ends.
        """
        with self._changed:
            if self._ending:
                raise EngineClosed("expected a running engine, it was closed")
            if len(self._waiting) >= self._limit:
                raise QueueFull(f"expected fewer than {self._limit} waiting requests; try again in a few seconds")
            self._waiting.append(sequence)
            self._changed.notify()

    def cancel(self, request_id: str) -> None:
        """End a sequence at the next step."""
        with self._changed:
            for sequence in (*self._waiting, *self._running):
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
            while not (self._waiting or self._running):
                if self._ending:
                    return False
                self._changed.wait()
        if self._aborting:
            self._fail_all(EngineClosed("the engine was closed"))
        return True

    def _drop_cancelled(self) -> None:
        with self._changed:
            dropped = [sequence for sequence in self._waiting if sequence.cancelled]
            self._waiting = deque(sequence for sequence in self._waiting if not sequence.cancelled)
        for slot in reversed(range(len(self._running))):
            if self._running[slot].cancelled:
                dropped.append(self._running[slot])
                self._leave(slot)
        for sequence in dropped:
            sequence.emit(RequestCancelled(f"request {sequence.id} was cancelled"))

    def _admit(self) -> None:
        """Take in one sequence a step: the running ones wait for one prompt at most."""
        with self._changed:
            if not self._waiting or len(self._running) == self._slots:
                return
            sequence = self._waiting.popleft()
        slot = len(self._running)
        self._running.append(sequence)
        if not self._advance(sequence, self._decoder.prefill(slot, sequence.prompt)):
            self._leave(slot)

    def _step(self) -> None:
        if not self._running:
            return
        logits = self._decoder.step([sequence.token for sequence in self._running])
        finished = [slot for slot, sequence in enumerate(self._running) if not self._advance(sequence, logits[slot])]
        for slot in reversed(finished):
            self._leave(slot)

    def _advance(self, sequence: Sequence, logits: "object") -> bool:
        self.decoded_tokens += 1
        return sequence.advance(logits)  # type: ignore[arg-type]

    def _leave(self, slot: int) -> None:
        """Free a slot: the last running sequence moves into it, so that the running ones stay side by side."""
        last = len(self._running) - 1
        if slot != last:
            self._decoder.move(last, slot)
            self._running[slot] = self._running[last]
        self._running.pop()

    def _fail_all(self, error: EngineError) -> None:
        with self._changed:
            failed = [*self._running, *self._waiting]
            self._running.clear()
            self._waiting.clear()
        for sequence in failed:
            sequence.emit(error)
