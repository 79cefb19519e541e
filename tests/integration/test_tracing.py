"""One trace from the question to the last of what it caused, through every stream hop, in a real collector."""

import os
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
from tests.support.collector import Collector, Span, collector
from tests.support.desk import services
from tests.support.processes import Process, until

from osiris_mesh import tracing
from osiris_mesh.connection import connect
from osiris_mesh.presence import alive

REPOSITORY = Path(__file__).parent.parent.parent
FAKE = "tests.support.quiet_model"
CLIENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def connected(spans: list[Span], root: str = "") -> bool:
    """Whether every span hangs below another of the trace, or is the one below `root`."""
    known = {span.id for span in spans}
    return all(span.parent in known or span.parent == root for span in spans)


async def whole(found: Collector, *wanted: str, root: str = "") -> list[Span]:
    """The spans of the first trace that all these services and spans, by their names, are part of."""

    def complete(spans: list[Span]) -> bool:
        return {name for span in spans for name in (span.service, span.name)} >= set(wanted) and connected(spans, root)

    async def there() -> list[Span] | None:
        return next(filter(complete, found.traces().values()), None)

    return await until(there, timeout=60, what=f"one trace of {', '.join(wanted)}")


async def test_a_proposal_over_http_is_one_trace_that_goes_on_with_the_clients(
    redis_url: str, tmp_path: Path, models_root: Path
) -> None:
    names = ("phi3", "hermes", "trainer", "gateway")
    with collector() as found:
        async with services(redis_url, tmp_path, models_root, *names, OSIRIS_OTLP_ENDPOINT=found.url):
            redis = connect(redis_url)
            (gateway,) = await alive(redis, "gateway")
            await redis.aclose()
            async with httpx.AsyncClient(base_url=gateway.probe_url or "", timeout=60) as http:
                answer = await http.post(
                    "/propose_trade_adjustments/",
                    json={"prompt": "EURUSD rose 0.3 %.", "max_length": 16},
                    headers={"traceparent": CLIENT},
                )
                assert answer.status_code == 200, answer.text
            recorded = ("process phi3.proposal.created", "process phi3.proposal.assessed")
            spans = await whole(found, *names, *recorded, root=CLIENT.split("-")[2])
    assert {span.trace for span in spans} == {CLIENT.split("-")[1]}
    assert CLIENT.split("-")[1] in answer.headers["traceresponse"]
    by_name = {(span.service, span.name): span for span in spans}
    door = by_name["gateway", "POST /propose_trade_adjustments/"]
    assert door.attributes["http.response.status_code"] == 200
    for model in ("phi3", "hermes"):
        asked = by_name["gateway", f"send {model}.requests"]
        handled = by_name[model, f"process {model}.requests:interactive"]
        engine = by_name[model, "generate"]
        assert (asked.parent, handled.parent, engine.parent) == (door.id, asked.id, handled.id)
        assert engine.attributes["gen_ai.usage.output_tokens"] > 0
    assert {span.service for span in spans if span.name in recorded} == {"trainer"}
    assert "rose" not in str([span.attributes for span in spans]), "no prompt is told"


async def test_a_run_of_the_desk_is_one_trace_from_the_decision_to_the_fill_and_the_voice(
    redis_url: str, tmp_path: Path
) -> None:
    with collector() as found:
        environment = {
            "OSIRIS_OTLP_ENDPOINT": found.url,
            "PYTHONPATH": f"{REPOSITORY}:{os.environ.get('PYTHONPATH', '')}",
        }
        desk = [
            *(Process(model, redis_url, tmp_path, model, module=FAKE, **environment) for model in ("phi3", "hermes")),
            *(Process(name, redis_url, tmp_path, **environment) for name in ("trainer", "tts", "orchestrator")),
            Process("sim", redis_url, tmp_path, "--loop", "--speed", "10x", **environment),
        ]
        async with AsyncExitStack() as stack:
            for process in desk:
                stack.enter_context(process)
            spans = await whole(found, "orchestrator", "phi3", "hermes", "sim", "trainer", "tts", "send tts.requests")
    by_id = {span.id: span for span in spans}
    (root,) = [span for span in spans if not span.parent]
    assert (root.service, root.name) == ("orchestrator", "decide")
    order = next(span for span in spans if (span.service, span.name) == ("sim", "process market.orders"))
    assert by_id[order.parent] is root
    said = next(span for span in spans if (span.service, span.name) == ("tts", "process tts.requests"))
    assert by_id[said.parent].name == "send tts.requests"


async def test_a_collector_that_is_away_holds_nobody_up(redis_url: str, tmp_path: Path) -> None:
    with Process("trainer", redis_url, tmp_path, OSIRIS_OTLP_ENDPOINT="http://127.0.0.1:9") as trainer:
        await trainer.ready()
        assert trainer.terminate(timeout=15) == 0


def test_what_is_off_makes_no_spans_and_carries_on_none() -> None:
    with tracing.span("decide") as span:
        assert span is None and tracing.traceparent() is None and tracing.ask("hermes.requests", "1") is None
