"""Clients: they publish numbered work through HTTP and by plain XADD, and keep on until it is acknowledged.

Every piece of work carries its number as `[w42]` wherever it goes, so what came of it is found again.
"""

import asyncio
import itertools
import math
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from tests.chaos.history.history import History
from tests.chaos.history.model import answer
from tests.support.proxy import Proxy

from osiris_contracts import Feedback, GenerateRequest, MarketTick, ModelId, Proposal, streams

REPLIES = "chaos.replies"
SYMBOLS = ("CHAOS.A", "CHAOS.B")
PATIENCE_SECONDS = 60.0  # after the last fault
_HTTP_CLIENTS = 4
_REDIS_CLIENTS = 3
_PAUSE = (0.02, 0.25)
_WITNESSED_AT = datetime(2026, 1, 1, tzinfo=UTC)

POISONED = (
    streams.HERMES_REQUESTS,
    streams.PHI3_REQUESTS,
    streams.MARKET_TICKS,
    streams.MARKET_ORDERS,
    streams.MARKET_FILLS,
    streams.FEEDBACK_SUBMITTED,
    streams.PROPOSAL_CREATED,
    streams.ADVICE_GENERATED,
)
POISON: tuple[dict[bytes, bytes], ...] = (
    {b"text": b"no field called data"},
    {b"data": b'{"prompt": '},
    {b"data": b'{"of": "another contract"}'},
    {b"data": b"\x80\x81\xfe", b"\xff\xfe": b"\x00\x9f"},
    {b"data": b'{"prompt": "late"}', b"deadline": b"tomorrow"},
    {b"data": b"[" * 5_000},
)


class Unavailable(Exception):
    """The desk asks to come again, or does not answer; `anew`: what is sent then is another call to it."""

    def __init__(self, why: str, *, anew: bool = False) -> None:
        super().__init__(why)
        self.anew = anew


class Clients:
    """Everybody who sends work to the desk.

    Args:
        proxy: the way to Redis of those who use XADD.
    """

    def __init__(self, gateway_url: str, proxy: Proxy, history: History, chance: random.Random) -> None:
        self._http = httpx.AsyncClient(base_url=gateway_url, timeout=30)
        self._proxy = proxy
        self._history = history
        self._chance = chance
        self._numbers = itertools.count(1)
        self._transactions: list[str] = []
        self._give_up = math.inf

    async def run(self) -> None:
        """Send work until `stop`, then finish what is begun."""
        http = (self._generate, self._propose, self._feedback)
        plain = (self._ask, self._ask, self._note)
        async with asyncio.TaskGroup() as group:
            for _ in range(_HTTP_CLIENTS):
                group.create_task(self._repeat(lambda: self._one_of(http)))
            for _ in range(_REDIS_CLIENTS):
                group.create_task(self._repeat(lambda: self._one_of(plain)))
            for symbol in SYMBOLS:
                bars = itertools.count()
                group.create_task(self._repeat(lambda symbol=symbol, bars=bars: self._tick(symbol, next(bars))))
        await self._http.aclose()

    def stop(self) -> None:
        """Begin nothing new, and lose patience in the end with what is begun."""
        self._give_up = self._history.now() + PATIENCE_SECONDS

    async def fill(self, count: int) -> None:
        """Fill a stream in one go."""
        works = [(self._work(), f"Fill, number {number}.") for number in range(count)]
        async with self._redis() as redis, redis.pipeline(transaction=False) as pipeline:
            for work, text in works:
                fields, expected = self._request(work, "hermes", text)
                self._history.record("invoke", work=work, what="hermes", expects=expected)
                pipeline.xadd(streams.HERMES_REQUESTS, fields)
            try:
                entries = await pipeline.execute()
            except (RedisError, OSError) as error:
                for work, _ in works:
                    self._abandon(work, error)
                return
        for (work, _), entry in zip(works, entries, strict=True):
            self._acknowledge(work, entry=entry.decode())

    async def poison(self, number: int) -> None:
        """One entry that nobody can use."""
        chance = random.Random(number)
        stream, fields = chance.choice(POISONED), dict(chance.choice(POISON))
        if stream == streams.HERMES_REQUESTS and b"deadline" in fields:
            fields[b"replyto"] = b"chaos.poisoned"
        work = self._work()

        async def send() -> dict[str, Any]:
            return {"entry": await self._xadd(stream, fields | {b"chaos": work.encode()})}

        await self._insist(work, "poison", send, stream=stream)

    # --- over HTTP ----------------------------------------------------------------------------------------------

    async def _generate(self) -> None:
        work = self._work()
        model: ModelId = self._chance.choice(("hermes", "phi3"))
        request = GenerateRequest(prompt=f"{work} What now?")
        expected = answer(model, request)

        async def send() -> dict[str, Any]:
            body = await self._post("/generate/", work, model_id=model, prompt=request.prompt)
            return {"text": body["generated_text"] if model == "hermes" else _text(body)}

        await self._insist(work, "generate", send, expects=expected.text)

    async def _propose(self) -> None:
        work = self._work()

        async def send() -> dict[str, Any]:
            body = await self._post("/propose_trade_adjustments/", work, prompt=f"{work} What should we do?")
            self._transactions.append(body["transaction_id"])
            return {"transaction": body["transaction_id"], "text": _text(body["phi3_proposal"])}

        expected = answer("phi3", GenerateRequest(prompt=f"{work} What should we do?"))
        await self._insist(work, "propose", send, expects=expected.text)

    async def _feedback(self) -> None:
        if not self._transactions:
            return
        work = self._work()
        transaction = self._chance.choice(self._transactions[-20:])

        async def send() -> dict[str, Any]:
            await self._post(
                "/feedback/phi3/",
                work,
                transaction_id=transaction,
                feedback_type="qualitative_comment",
                feedback_content=f"{work} Well done.",
            )
            return {}

        await self._insist(work, "feedback", send)

    async def _post(self, path: str, work: str, **body: Any) -> Any:
        keyed = int(work.strip("[w]")) % 4 > 0  # one in four trusts its luck
        try:
            response = await self._http.post(path, json=body, headers={"Idempotency-Key": work} if keyed else {})
        except httpx.TransportError as error:
            raise Unavailable(type(error).__name__, anew=not keyed) from None
        if response.status_code == 200:
            return response.json()
        if response.status_code in (429, 503, 504):
            raise Unavailable(f"{response.status_code}", anew=True)  # a key is forgotten with a failure that may pass
        if response.status_code != 404:  # the proposal was flushed
            self._history.record("refused", work=work, status=response.status_code, body=response.text[:300])
        raise PermissionError(f"{response.status_code}")

    # --- by plain XADD ------------------------------------------------------------------------------------------

    async def _ask(self) -> None:
        work = self._work()
        model: ModelId = self._chance.choice(("hermes", "phi3"))
        fields, expected = self._request(work, model, "And now?")

        async def send() -> dict[str, Any]:
            return {"entry": await self._xadd(streams.REQUESTS_OF[model], fields)}

        await self._insist(work, model, send, expects=expected)

    async def _note(self) -> None:
        work = self._work()
        note = Feedback(
            transaction_id=uuid4(),
            feedback_type="qualitative_comment",
            feedback_content=f"{work} 5",
            feedback_id=uuid4(),
            received_at=datetime.now(UTC),
        )

        async def send() -> dict[str, Any]:
            fields = {b"data": note.model_dump_json().encode(), b"id": str(note.feedback_id).encode()}
            return {"entry": await self._xadd(streams.FEEDBACK_SUBMITTED, fields)}

        await self._insist(work, "note", send)

    async def _tick(self, symbol: str, number: int) -> None:
        """The next bar of a symbol. The one after it is not sent before this one is acknowledged."""
        work = self._work()
        price = 100 + 5 * random.Random(number).random()
        tick = MarketTick(
            symbol=symbol,
            timestamp=_WITNESSED_AT + timedelta(minutes=number),
            open=price,
            high=price + 0.1,
            low=price - 0.1,
            close=price,
            volume=1_000,
        )

        async def send() -> dict[str, Any]:
            fields = {b"data": tick.model_dump_json().encode(), b"id": work.encode()}
            return {"entry": await self._xadd(streams.MARKET_TICKS, fields)}

        await self._insist(work, "tick", send, symbol=symbol, time=tick.timestamp.isoformat())

    def _request(self, work: str, model: ModelId, text: str) -> tuple[dict[bytes, bytes], str]:
        request = GenerateRequest(prompt=f"{work} {text}")
        fields = {
            b"data": request.model_dump_json().encode(),
            b"id": f"chaos-{work.strip('[]')}".encode(),
            b"replyto": REPLIES.encode(),
        }
        return fields, answer(model, request).text

    async def _xadd(self, stream: str, fields: dict[bytes, bytes]) -> str:
        try:
            async with self._redis() as redis:
                entry: bytes = await redis.xadd(stream, fields)
        except (RedisError, OSError) as error:
            raise Unavailable(type(error).__name__) from None
        return entry.decode()

    def _redis(self) -> Redis:
        return Redis.from_url(self._proxy.url, retry=Retry(NoBackoff(), 0), socket_timeout=8)

    # --- what every work goes through ---------------------------------------------------------------------------

    def _work(self) -> str:
        return f"[w{next(self._numbers)}]"

    async def _one_of(self, kinds: Sequence[Callable[[], Awaitable[None]]]) -> None:
        await self._chance.choice(kinds)()

    async def _repeat(self, once: Callable[[], Awaitable[None]]) -> None:
        while self._give_up == math.inf:
            await once()
            await asyncio.sleep(self._chance.uniform(*_PAUSE))

    async def _insist(self, work: str, what: str, send: Callable[[], Awaitable[dict[str, Any]]], **facts: Any) -> None:
        """Send until it is acknowledged; each attempt is an invocation of its own."""
        anew = True
        while True:
            self._history.record("invoke", work=work, what=what, anew=anew, **facts)
            try:
                self._acknowledge(work, **await send())
                return
            except Unavailable as error:
                anew = error.anew
                if self._history.now() > self._give_up:
                    self._abandon(work, error)
                    return
                await asyncio.sleep(self._chance.uniform(0.05, 0.5))
            except PermissionError as error:
                self._abandon(work, error)
                return

    def _acknowledge(self, work: str, **facts: Any) -> None:
        self._history.record("ack", work=work, **facts)

    def _abandon(self, work: str, error: Exception) -> None:
        self._history.record("abandon", work=work, reason=f"{type(error).__name__}: {error}"[:200])


def _text(proposal: Any) -> str:
    return Proposal.model_validate(proposal).model_dump_json()
