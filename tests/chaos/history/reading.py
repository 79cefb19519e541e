"""Reads the outcome: from Redis, the tables and the logs."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from redis.asyncio import Redis
from tests.chaos.history.clients import REPLIES
from tests.chaos.history.model import EFFECTS
from tests.chaos.history.outcome import Answer, Dead, Effect, Outcome, Report, Row, Run

from osiris_contracts import EXECUTION, REPLY, Decision, ErrorReply, Fill, GenerateResult, Order, streams

VENUE = "sim.EURUSD"


async def read(redis: Redis, data: Path) -> Outcome:
    """The outcome, from Redis and from the folder of the tables and logs."""
    desk = json.loads(await redis.get("state:orchestrator") or "{}")
    venue = json.loads(await redis.get(f"state:{VENUE}") or "{}")
    tables = data / "lancedb"
    return Outcome(
        effects=[
            Effect(cause=_text(fields, b"causationid"), data=_text(fields)) for fields in await _all(redis, EFFECTS)
        ],
        answers=[_answer(fields) for fields in await _all(redis, REPLIES)],
        dead=[each async for each in _dead(redis)],
        runs=[run for fields in await _all(redis, streams.ADVICE_GENERATED) if (run := _run(fields))],
        orders=[order for fields in await _all(redis, streams.MARKET_ORDERS) if (order := _order(fields))],
        reports=[report for fields in await _all(redis, streams.MARKET_FILLS) if (report := _report(fields))],
        waiting_orders=[
            *(each["order"]["order_id"] for each in venue.get("venue", {}).get("waiting", ())),
            *await _unread_orders(redis),
        ],
        open_bars={
            symbol: [_time(bar["timestamp"]) for bar in window["bars"]]
            for symbol, window in desk.get("windows", {}).items()
        },
        recorded_runs=[row.id for row in await _rows(tables, "runs")],
        proposals=await _rows(tables, "proposals", "prompt"),
        assessments=await _rows(tables, "assessments"),
        assessment_log=_log(data / "phi3_feedback_log.jsonl"),
        feedback=await _rows(tables, "feedback", "feedback_content"),
        feedback_log=_log(data / "phi3_feedback_data.jsonl"),
    )


async def _all(redis: Redis, stream: str) -> list[dict[bytes, bytes]]:
    return [fields for _, fields in await redis.xrange(stream)]


async def _unread_orders(redis: Redis) -> list[str]:
    """Orders of a decision that was made while the venue was stopped already."""
    for group in await redis.xinfo_groups(streams.MARKET_ORDERS):
        if group["name"] == VENUE.encode():
            unread = await redis.xrange(streams.MARKET_ORDERS, min=b"(" + group["last-delivered-id"])
            return [order for _, fields in unread if (order := _order(fields))]
    return []


async def _dead(redis: Redis) -> AsyncIterator[Dead]:
    async for key in redis.scan_iter(match=streams.dead("*"), _type="stream", count=1_000):
        for fields in await _all(redis, key.decode()):
            yield Dead(
                stream=key.decode().removesuffix(streams.dead("")),
                entry=_text(fields, b"dead-id"),
                data=_text(fields)[:1_000],
                reason=_text(fields, b"dead-reason"),
            )


def _text(fields: dict[bytes, bytes], name: bytes = b"data") -> str:
    return fields.get(name, b"").decode(errors="backslashreplace")


def _answer(fields: dict[bytes, bytes]) -> Answer:
    reply = REPLY.validate_json(fields[b"data"])
    text = f"{reply.code}: {reply.message}" if isinstance(reply, ErrorReply) else reply.text
    return Answer(
        id=_text(fields, b"id"),
        cause=_text(fields, b"causationid"),
        failed=not isinstance(reply, GenerateResult),
        text=text,
    )


def _run(fields: dict[bytes, bytes]) -> Run | None:
    try:
        decision = Decision.model_validate_json(fields.get(b"data", b""))
    except ValidationError:
        return None  # the nemesis was here
    return Run(
        id=str(decision.run_id),
        sequence=decision.sequence,
        symbol=decision.symbol,
        first=_time(decision.bars.first),
        last=_time(decision.bars.last),
        count=decision.bars.count,
        order=str(decision.order.order_id) if decision.order else None,
        proposed=decision.proposal is not None,
    )


def _order(fields: dict[bytes, bytes]) -> str | None:
    try:
        return str(Order.model_validate_json(fields.get(b"data", b"")).order_id)
    except ValidationError:
        return None


def _report(fields: dict[bytes, bytes]) -> Report | None:
    try:
        execution = EXECUTION.validate_json(fields.get(b"data", b""))
    except ValidationError:
        return None
    of = execution.reason if isinstance(execution, Fill) else "rejection"
    return Report(order=str(execution.order_id), of=of)


async def _rows(folder: Path, name: str, text: str | None = None) -> list[Row]:
    import lancedb  # here, because it minds processes being forked after it

    if not (folder / f"{name}.lance").exists():
        return []
    connection = await lancedb.connect_async(str(folder))
    table = await connection.open_table(name)
    rows = await table.query().to_list()
    return [Row(id=row["id"], origin=row.get("origin") or "", text=row[text] if text else "") for row in rows]


def _log(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()] if path.exists() else []


def _time(value: datetime | str) -> str:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(UTC).isoformat()
