"""Bars a second of a backtest, beside a loop of plain Python that this machine does meanwhile."""

import time
from collections.abc import Callable, Mapping

from osiris_contracts import GenerateRequest, GenerateResult, Proposal, Usage
from osiris_desk.answers import RecordedAnswer, Recording, key_of
from osiris_desk.backtest import Nobody, Recorded, backtest
from osiris_desk.market.bars import Bars
from osiris_desk.market.bundled import BUNDLED_SYMBOL, bundled_csv
from osiris_desk.market.csv_file import read
from osiris_desk.policy.shipped import ADVISED, TREND, shipped
from osiris_desk.rules import Rules

REPEATS = 5
EVERY = (5, 10, 20)


class Asked:
    """Answers every question with a trade, and keeps the answers: a recording without a model."""

    def __init__(self) -> None:
        self.answers: list[RecordedAnswer] = []

    def phi3(self, request: GenerateRequest) -> GenerateResult:
        side = "LONG" if len(self.answers) % 4 < 2 else "SHORT"
        fields = {"ticker": request.ticker, "action": "adjust", "side": side, "confidence": 0.6, "rationale": "bench"}
        proposal = Proposal.model_validate({**fields, "new_stop_pct": 1.0, "new_target_pct": 2.0})
        return self._keep("phi3", request, proposal.model_dump_json(), proposal)

    def hermes(self, request: GenerateRequest) -> GenerateResult:
        return self._keep("hermes", request, "It is small and protected.\nScore: 7/10", None)

    def _keep(self, model: str, request: GenerateRequest, text: str, proposal: Proposal | None) -> GenerateResult:
        usage = Usage(prompt_tokens=1, completion_tokens=1)
        facts = {"model_id": model, "model_version": "v1", "text": text, "proposal": proposal, "usage": usage}
        reply = GenerateResult.model_validate({**facts, "finish_reason": "stop"})
        key = key_of(reply.model_id, request)
        self.answers.append(RecordedAnswer(key=key, seed=request.seed, model=reply.model_id, reply=reply))
        return reply


def measure() -> dict[str, float]:
    """Bars/s without a model, with models replayed, and the loop of plain Python that this machine does meanwhile."""
    bars = {BUNDLED_SYMBOL: read(bundled_csv()).bars}
    count = len(bars[BUNDLED_SYMBOL])
    alone = _best(lambda: backtest(shipped(TREND), bars, models=Nobody()))
    steps = _best(_plain_python) / 100_000
    return {
        "bars/s, no model, a run every 5": count / alone,
        **{f"bars/s, both models replayed, a run every {every}": count / _replayed(bars, every) for every in EVERY},
        "ns a step of plain Python": 1e9 * steps,
        "steps of plain Python a bar, no model": alone / count / steps,
    }


def _replayed(bars: Mapping[str, Bars], every: int) -> float:
    """Seconds, with the answers that a first backtest was given."""
    rules, asked = Rules(ticks_per_proposal=every), Asked()
    backtest(shipped(ADVISED), bars, rules, models=asked)
    recording = Recording("bench", asked.answers)
    return _best(lambda: backtest(shipped(ADVISED), bars, rules, models=Recorded(recording)))


def _plain_python() -> None:
    kept: dict[int, object] = {}
    for number in range(100_000):
        kept[number & 255] = (number, kept.get(number & 127))


def _best(work: Callable[[], object]) -> float:
    """Seconds, of the quickest of REPEATS."""
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)
