"""Entries as nobody should send them: strategies for hypothesis, and the nastiest by hand."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID as UUID_

from hypothesis import strategies as st

from osiris_contracts import streams

UUID = "018f3c1e-0000-7000-8000-000000000000"
PROPOSAL = {"ticker": "SPY", "action": "pass", "confidence": 0.5, "rationale": "Nothing to do."}
TICK = {
    "symbol": "SPY",
    "timestamp": "2030-01-01T00:00:00Z",
    "open": 1.0,
    "high": 2.0,
    "low": 0.5,
    "close": 1.5,
    "volume": 10,
}
GOOD: dict[str, dict[str, Any]] = {
    streams.HERMES_REQUESTS: {"prompt": "What is a stop?", "max_length": 4},
    f"{streams.HERMES_REQUESTS}:batch": {"messages": [{"role": "user", "content": "x"}], "json_schema": {}},
    streams.PHI3_REQUESTS: {"prompt": "SPY rose.", "ticker": "SPY"},
    streams.MARKET_TICKS: TICK,
    streams.MARKET_ORDERS: {"order_id": UUID, "symbol": "EURUSD", "side": "BUY", "quantity": 1.0},
    streams.MARKET_FILLS: {
        "kind": "fill",
        "order_id": UUID,
        "symbol": "SPY",
        "side": "BUY",
        "quantity": 1.0,
        "price": 1.0,
        "fee": 0.0,
        "timestamp": "2029-01-01T00:00:00Z",
        "reason": "order",
    },
    streams.PROPOSAL_CREATED: {
        "transaction_id": UUID,
        "created_at": "2029-01-01T00:00:00Z",
        "origin": "gateway",
        "prompt": "x",
        "proposal": PROPOSAL,
        "model_version": "1",
    },
    streams.PROPOSAL_ASSESSED: {
        "transaction_id": UUID,
        "assessed_at": "2029-01-01T00:00:00Z",
        "origin": "gateway",
        "prompt": "x",
        "proposal": PROPOSAL,
        "assessment": "fine",
        "score": 5,
        "model_version": "1",
    },
    streams.MODELS_PUBLISHED: {"role": "hermes", "version": "v2", "published_at": "2029-01-01T00:00:00Z"},
    streams.FEEDBACK_SUBMITTED: {
        "transaction_id": UUID,
        "feedback_id": UUID,
        "received_at": "2029-01-01T00:00:00Z",
        "feedback_type": "rating",
        "feedback_content": 1,
    },
    streams.OUTCOME_OBSERVED: {
        "transaction_id": UUID,
        "symbol": "SPY",
        "decided_at": "2029-01-01T00:00:00Z",
        "observed_at": "2029-01-01T05:00:00Z",
        "horizon_bars": 5,
        "entry_close": 1.0,
        "exit_close": 1.1,
        "pnl": 1.0,
        "fees": 0.1,
        "return_pct": 0.001,
    },
    streams.PLANNER_REQUESTS: {
        "trade": {
            "instrument": "MES",
            "equity_curve": [100_000.0] * 31,
            "bars": [{"high": 5001.0, "low": 4999.0, "close": 5000.0}] * 15,
            "n_successes": 20,
            "n_failures": 3,
        }
    },
    streams.DGM_OUTCOMES: {
        "candidate": "b",
        "parent": "a",
        "part": "entry",
        "kind": "constant",
        "accepted": False,
        "reward": 0.4,
        "failed_at": "train",
        "scenario": {"regime": "trend", "level": 2, "seed": 1},
        "episodes": 2,
        "wins": 1,
    },
    streams.DESK_COMMANDS: {"command": "stop", "reason": "x"},
    streams.POLICY_VERSIONS: {
        "version": "0123456789abcdef",
        "stage": "current",
        "reason": "x",
        "changed_at": "2029-01-01T00:00:00Z",
    },
    streams.POLICY_TRACES: {"decision": {"run_id": UUID, "sequence": 1}, "outcome": {"transaction_id": UUID}},
    streams.TTS_REQUESTS: {"text": "Gold rose.", "ticker": "XAU"},
    streams.ADVICE_GENERATED: {"run_id": UUID, "sequence": 1},
}
"""A good message, or nearly one, of every stream that a service consumes as part of a group."""

CONTROLS = tuple(
    map(
        streams.control,
        ("gateway", "hermes", "phi3", "orchestrator", "sim", "trainer", "tts", "azr_planner", "watchdog", "dgm"),
    )
)
"""Read by every instance, without a group."""

ATTRIBUTES = (
    b"id",
    b"type",
    b"source",
    b"time",
    b"correlationid",
    b"causationid",
    b"deadline",
    b"priority",
    b"traceparent",
    b"replyto",
)

_EXTREMES = (5e-324, 1e-300, 1e-9, 1.0, 1.5, 1e9, 1e300, 1.7e308)
_numbers = st.one_of(st.integers(), st.floats(), st.sampled_from([1e308, 5e-324, -1e308, 10**400, -0.0, 2**63, 2**64]))
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), _numbers, st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    max_leaves=8,
)
_name = st.one_of(st.binary(max_size=12), st.sampled_from(ATTRIBUTES), st.just(b"data"))
_any_fields = st.dictionaries(_name, st.binary(max_size=40), min_size=1, max_size=5)


def _mutated(good: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """The good message with some of its fields changed, dropped or added."""
    changes = st.dictionaries(st.one_of(st.sampled_from(sorted(good)), st.text(max_size=5)), _json, max_size=3)
    return changes.map(lambda changed: json.dumps({**good, **changed}).encode())


def entries(stream: str) -> st.SearchStrategy[tuple[str, dict[bytes, bytes]]]:
    """Entries of `stream`: sheer noise, noise beside a message, and messages that are nearly right."""
    data = st.one_of(
        st.binary(max_size=60), _json.map(lambda value: json.dumps(value).encode()), _mutated(GOOD[stream])
    )
    beside = st.dictionaries(st.sampled_from(ATTRIBUTES), st.binary(max_size=30), max_size=2)
    whole = st.builds(lambda around, inside: {**around, b"data": inside}, st.one_of(beside, _any_fields), data)
    return st.tuples(st.just(stream), st.one_of(_any_fields, whole, whole))


def extreme() -> list[tuple[str, dict[str, Any]]]:
    """Messages that keep their contract, with the largest and smallest numbers it allows, in an order that counts."""
    chance = random.Random(7)
    found: list[tuple[str, dict[str, Any]]] = []
    begin = datetime(2028, 1, 1, tzinfo=UTC)
    for number in range(150):
        low, opened, close, high = sorted(chance.choice(_EXTREMES) for _ in range(4))
        moment = (begin + timedelta(hours=number)).isoformat()
        symbol = chance.choice(("AAA", "BBB", "CCC"))
        volume = chance.choice((0, *_EXTREMES))
        prices = {"open": opened, "high": high, "low": low, "close": close}
        found.append((streams.MARKET_TICKS, {"symbol": symbol, "timestamp": moment, "volume": volume} | prices))
        order = {"order_id": str(UUID_(int=number)), "symbol": symbol, "side": chance.choice(("BUY", "SELL"))}
        quantity = chance.choice(_EXTREMES)
        fill = order | {"quantity": quantity, "price": close, "fee": chance.choice(_EXTREMES), "timestamp": moment}
        found.append((streams.MARKET_FILLS, fill | {"kind": "fill", "reason": "order"}))
        stop, target = chance.choice(_EXTREMES), chance.choice(_EXTREMES)
        found.append(
            (
                streams.MARKET_ORDERS,
                order | {"symbol": "EURUSD", "quantity": quantity, "stop_price": stop, "target_price": target},
            )
        )
    return found


def nasty(stream: str) -> list[dict[bytes, bytes]]:
    """What noise does not find."""
    good = json.dumps(GOOD[stream]).encode()
    deep = b"[" * 100_000
    return [
        {b"data": good, b"deadline": b"9" * 5_000},  # more digits than Python turns into a number
        {b"data": good, b"deadline": b"9" * 400},  # more than a float holds
        {b"data": good, b"deadline": "١٢٣".encode()},
        {b"data": good, b"priority": b"\xff"},
        {b"data": good, b"id": b"x" * 1_000_000},
        {b"data": good, b"correlationid": b"x\n\x1b[2J" * 100},
        {b"data": good, b"replyto": b"market.ticks"},
        {b"data": good, b"replyto": b"state:orchestrator"},
        {b"data": good, b"replyto": b""},
        {b"data": deep},
        {b"data": b'{"prompt":' + deep},
        {b"data": b"{}", b"dead-reason": b"mine", b"dead-deliveries": b"-1", b"dead-time": b"never"},
        {b"data": b"\x00" * 100},
        {b"data": b'{"prompt":"\\ud800"}'},
        {b"data": b"1" * 5_000},
        {b"data": b'{"prompt":"x","prompt":"y"}'},
        {f"field-{number}".encode(): b"x" for number in range(10_000)},  # more than Lua unpacks
        {b"data": good, **{f"field-{number}".encode(): b"x" for number in range(10_000)}},
        {b"data": b"x" * 9_000_000},
        {b"x" * 1_000_000: b"y"},
        {b"__data__": b"\x89BIN", b"headers": b"{"},
    ]
