"""The planner over HTTP and over the stream, and what it learns from the kernel."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.support.gateways import BOOTSTRAP, added, bearer, problem
from tests.support.processes import Process, until

from osiris_azr_planner.app import build
from osiris_azr_planner.kernel.memory import Memory
from osiris_azr_planner.settings import PlannerSettings
from osiris_contracts import (
    DgmOutcome,
    KernelPlan,
    KernelQuestion,
    PatchTask,
    PlanRequest,
    TradePlan,
    TradeQuestion,
    streams,
)
from osiris_mesh import Bus, DeadLetters, Refused

CALM: dict[str, Any] = {
    "instrument": "MES",
    "equity_curve": [100_000.0] * 31,
    "bars": [{"high": 5001, "low": 4999, "close": 5000}] * 15,
    "n_successes": 20,
    "n_failures": 3,
}
UNEASY = CALM | {"equity_curve": [100.0] * 30 + [90.0]}


@asynccontextmanager
async def planner(redis_url: str, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A planner on a free port, and a client of it."""
    service = build(PlannerSettings(redis_url=redis_url, probe_port=0, **settings))
    async with (
        service.running(probes=True),
        httpx.AsyncClient(base_url=service.presence().probe_url or "", timeout=30) as http,
    ):
        yield http


def outcome(part: str = "entry", kind: str = "constant", reward: float = 0.3, **facts: Any) -> DgmOutcome:
    given = {"candidate": "b", "parent": "a", "accepted": False, "failed_at": "train"}
    return DgmOutcome.model_validate(given | {"part": part, "kind": kind, "reward": reward} | facts)


async def learned(http: httpx.AsyncClient, outcomes: int) -> None:
    async def so_many() -> bool:
        return bool((await http.get("/health")).json()["outcomes"] == outcomes)

    await until(so_many, what=f"{outcomes} lessons")


# --- over HTTP ------------------------------------------------------------------------------------------------------


async def test_what_the_desk_should_do_now(redis_url: str) -> None:
    async with planner(redis_url) as http:
        answer = await http.post("/azr_api/v1/propose_trade", json=CALM)
        plan = TradePlan.model_validate_json(answer.content)
        assert (answer.status_code, plan.action, plan.legs[0].size) == (200, "ENTER", 8.0)
        rejected = await http.post("/azr_api/v1/propose_trade", json=UNEASY)
        assert rejected.status_code == 409
        assert rejected.headers["content-type"] == "application/problem+json"
        assert rejected.json() == {"detail": "risk_gate_reject", "reason": "high_risk"}
        wrong = problem(
            await http.post("/azr_api/v1/propose_trade", json=CALM | {"risk_free_rate": 0.3}), 422, "invalid_request"
        )
        assert wrong.errors[0].field == "risk_free_rate"


async def test_what_it_computes_for_whoever_asks(redis_url: str) -> None:
    async with planner(redis_url) as http:

        async def ask(path: str, **body: Any) -> Any:
            answer = await http.post(f"/azr_api/v1/{path}", json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()

        assert (await ask("indicators/ema", values=[1, 2, 3], period=3))["values"] == [1, 1.5, 2.25]
        bars = [{"high": 10, "low": 8, "close": 9}, {"high": 12, "low": 11, "close": 11}]
        assert (await ask("indicators/atr", bars=bars, period=1))["values"] == [3]
        assert (await ask("kelly", win_probability=0.5, payoff_ratio=2))["fraction"] == 0.25
        fills = [{"instrument": "MES", "quantity": 2, "price": 5000, "fee": 1}]
        assert (await ask("ledger", fills=fills, marks={"MES": 5010}))["total"] == 99
        short = await http.post("/azr_api/v1/indicators/atr", json={"bars": bars})
        assert "at least period + 1 = 15 bars, got 2" in problem(short, 422, "invalid_request").detail


async def test_it_is_alive_documented_and_keeps_strangers_out(redis_url: str) -> None:
    async with planner(redis_url) as http:
        assert (await http.get("/health")).json() == {"status": "ok", "outcomes": 0}
        assert 'id="swagger"' in (await http.get("/docs")).text
        assert "/plan" in (await http.get("/docs/openapi.json")).json()["paths"]
        problem(await http.get("/plan", headers={"host": "evil.example"}), 403, "strange_host")
        problem(await http.post("/azr_api/v1/kelly", content="x"), 415, "unsupported_media_type")
        problem(await http.get("/plan?bars=1001"), 422, "invalid_request")
        problem(await http.get("/plans"), 404, "not_found")


async def test_the_keys_of_the_desk_are_its_keys(redis_url: str) -> None:
    secret = await added(redis_url)
    feedback_alone = await added(redis_url, "other", scopes=("feedback",))
    async with planner(redis_url, api_key=BOOTSTRAP) as http:
        problem(await http.get("/plan"), 401, "unauthorized")
        problem(await http.get("/plan", headers=bearer(feedback_alone)), 403, "insufficient_scope")
        for good in (secret, BOOTSTRAP):
            assert (await http.get("/plan", headers=bearer(good))).status_code == 200
        assert (await http.get("/health")).status_code == 200


# --- over the stream ------------------------------------------------------------------------------------------------


async def ask(bus: Bus, request: PlanRequest) -> Any:
    replies = [reply async for reply in bus.replies_to(streams.PLANNER_REQUESTS, request, timeout=20)]
    return replies[-1]


async def test_both_questions_are_answered_over_the_stream(redis_url: str) -> None:
    async with planner(redis_url), Bus(redis_url, "desk") as bus:
        plan = await ask(bus, PlanRequest(trade=TradeQuestion.model_validate(CALM)))
        assert isinstance(plan, TradePlan) and plan.action == "ENTER"
        task = await ask(bus, PlanRequest(kernel=KernelQuestion(bars=3)))
        assert isinstance(task, KernelPlan)
        assert isinstance(task.task, PatchTask) and len(task.bars) == 3
        with pytest.raises(Refused) as refused:
            await ask(bus, PlanRequest(trade=TradeQuestion.model_validate(UNEASY)))
        assert (refused.value.code, refused.value.details) == ("risk_gate_reject", {"reason": "high_risk"})


async def test_any_redis_client_may_ask(redis_url: str) -> None:
    async with planner(redis_url), Bus(redis_url, "stranger") as bus:
        await bus.redis.xadd(streams.PLANNER_REQUESTS, {"data": '{"kernel":{}}', "replyto": "my.replies"})
        await bus.redis.xadd(streams.PLANNER_REQUESTS, {"data": '{"kernel":{},"trade":{}}', "replyto": "my.replies"})

        async def answers() -> Any:
            found = await bus.redis.xrange("my.replies")
            return [json.loads(fields[b"data"]) for _, fields in found] if len(found) == 2 else None

        kinds = {each["kind"] for each in await until(answers, what="two answers")}
        assert kinds == {"kernel", "error"}
        assert await DeadLetters(bus.redis).streams() == {streams.PLANNER_REQUESTS: 1}


# --- what it learns -------------------------------------------------------------------------------------------------


async def test_it_learns_which_changes_pay(redis_url: str) -> None:
    async with planner(redis_url) as http, Bus(redis_url, "dgm") as bus:
        poor = [
            outcome(part, kind, 0.0) for part in ("entry", "exit", "stop", "target") for kind in ("guard", "rewrite")
        ]
        for each in [*poor, outcome("size", "feature", 0.95)] * 40:
            await bus.publish(streams.DGM_OUTCOMES, each)
        await learned(http, 360)
        tasks = [KernelPlan.model_validate_json((await http.get("/plan")).content).task for _ in range(60)]
        changes = [(task.part, task.kind) for task in tasks if isinstance(task, PatchTask)]
        assert changes.count(("size", "feature")) > 3
        assert not [each for each in changes if each == ("entry", "guard")]
        assert (await http.get("/plan")).json()["why"]


async def test_an_outcome_that_makes_no_sense_goes_aside_and_one_told_twice_counts_once(redis_url: str) -> None:
    async with planner(redis_url) as http, Bus(redis_url, "dgm") as bus:
        told = str(uuid4())
        await bus.publish(streams.DGM_OUTCOMES, outcome(), id=told)
        await bus.redis.xadd(streams.DGM_OUTCOMES, {"data": '{"candidate":"b"}'})
        await bus.publish(streams.DGM_OUTCOMES, outcome(), id=told)
        await bus.publish(streams.DGM_OUTCOMES, outcome(part="exit"))
        await learned(http, 2)
        (letter,) = await DeadLetters(bus.redis).list(streams.DGM_OUTCOMES)
        assert "parent" in letter.reason


async def test_kill_9_keeps_what_it_learned(redis_url: str, tmp_path: Path) -> None:
    async with Bus(redis_url, "dgm") as bus:

        async def memory() -> Memory:
            return Memory.from_json(await bus.redis.get("state:azr_planner"))

        with Process("azr_planner", redis_url, tmp_path) as process:
            await process.ready()
            for number in range(600):
                await bus.publish(streams.DGM_OUTCOMES, outcome(reward=number % 10 / 10), id=f"outcome-{number}")
                if number in (150, 400):
                    done = (await memory()).outcomes
                    process.kill()
                    assert (await memory()).outcomes >= done
                    process.start()

            async def all_learned() -> bool:
                return (await memory()).outcomes == 600

            await until(all_learned, timeout=40, what="every lesson")
            # the same whatever was killed: lessons are learned in order, each once
            straight = Memory()
            for number in range(600):
                straight = straight.after(outcome(reward=number % 10 / 10), f"outcome-{number}", 500.0)
            assert await memory() == straight
            await process.ready()


async def test_two_planners_say_the_same_and_one_learns(redis_url: str) -> None:
    async with planner(redis_url) as one, planner(redis_url) as other, Bus(redis_url, "dgm") as bus:
        for _ in range(20):
            await bus.publish(streams.DGM_OUTCOMES, outcome())
        await learned(one, 20)
        await learned(other, 20)
