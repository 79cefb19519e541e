"""Wires the replay to the mesh: ticks and fills out, orders in, all under one lease."""

import hashlib
import json
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from uuid import NAMESPACE_OID, UUID, uuid5

import structlog
from redis.exceptions import ResponseError

from osiris_contracts import Order, streams
from osiris_desk.market.bars import Tape
from osiris_desk.market.ticks import TickMessage
from osiris_desk.venue.intake import InvalidOrder, read_order
from osiris_desk.venue.terms import Terms
from osiris_desk.venue.venue import Venue
from osiris_mesh import Bus, Service, tracing
from osiris_mesh.connection import BLOCK_MS
from osiris_mesh.envelope import Fields, MalformedEnvelope, parse
from osiris_mesh.scripts import Output
from osiris_sim.replay import Message, Plan, Replay
from osiris_sim.settings import SimSettings
from osiris_sim.tick_sequencer import TickSequencer

ORDERS_AT_ONCE = 200
TRACES_KEPT = 1_000
SOURCE = "sim"

_log = structlog.get_logger(__name__)


def build(
    settings: SimSettings, symbol: str, tape: Tape, on_bars: Callable[[int], None] = lambda count: None
) -> Service:
    """The sim as a service that ends by itself after the last bar."""
    service = Service(SOURCE, settings)
    service.trims(settings.channel, settings.order_channel, streams.MARKET_FILLS)
    service.measures(settings.order_channel, venue_name(symbol))
    terms = Terms(settings.commission_rate, settings.slippage_impact, settings.starting_cash)
    plan = Plan(
        identity=_identity(settings, symbol, tape),
        seed=settings.seed,
        seconds_per_bar=settings.seconds_per_bar,
        wait_for_readers=not settings.no_wait,
    )
    sequencer = TickSequencer(service.bus, venue_name(symbol), [settings.order_channel], settings.lease_seconds)
    market = MeshMarket(
        service.bus,
        sequencer,
        symbol,
        ticks=settings.channel,
        orders=settings.order_channel,
        pace_group=settings.pace_group,
    )
    replay = Replay(tape, Venue(symbol, tape, terms), market, plan, on_bars=on_bars)

    @service.background
    async def play() -> None:
        async with sequencer.held() as saved:
            resumed = not settings.restart and replay.resume(saved)
            _log.info("replay begins", symbol=symbol, bars=len(tape.bars), resumed=resumed)
            await replay.run()
            _log.info("replay ended", symbol=symbol)
        service.stop()

    return service


def venue_name(symbol: str) -> str:
    """Name of the venue's group, lease and state."""
    return f"{SOURCE}.{symbol}"


class MeshMarket:
    """The replay's `Market` on the mesh."""

    def __init__(
        self, bus: Bus, sequencer: TickSequencer, symbol: str, *, ticks: str, orders: str, pace_group: str
    ) -> None:
        self._bus = bus
        self._sequencer = sequencer
        self._symbol = symbol
        self._ticks = ticks
        self._orders = orders
        self._pace_group = pace_group.encode()
        self._positions: dict[str, str] = {}
        self._dead: list[Output] = []
        self._traces: OrderedDict[UUID, str] = OrderedDict()

    async def orders(self, seconds: float) -> Sequence[Order | InvalidOrder]:
        """New orders for this venue; what is no order, or is another venue's, is settled with the next step."""
        block = min(math.ceil(seconds * 1000), BLOCK_MS) or None
        found: list[Order | InvalidOrder] = []
        for entry in await self._sequencer.read(self._orders, count=ORDERS_AT_ONCE, block_ms=block):
            self._positions[self._orders] = entry[0]
            try:
                envelope = parse(entry[1])
                with tracing.process(self._orders, SOURCE, envelope):
                    order = read_order(envelope.data)
                    self._remember_trace(order.order_id)
            except (MalformedEnvelope, ValueError) as error:
                _log.error("order put aside", entry_id=entry[0], reason=str(error))
                self._dead.append(self._sequencer.dead_letter(self._orders, entry, str(error)))
                continue
            if not await self._is_served_elsewhere(order.symbol):
                found.append(order)
        return found

    def _remember_trace(self, order_id: UUID) -> None:
        """Its fills belong to the trace of the order, bars later."""
        if trace := tracing.traceparent():
            self._traces[order_id] = trace
            while len(self._traces) > TRACES_KEPT:
                self._traces.popitem(last=False)

    async def publish(self, messages: Sequence[Message], state: str) -> None:
        """Ticks to their stream, the rest to `market.fills`, with the state and the position in the orders."""
        ticks = [message for message in messages if isinstance(message, TickMessage)]
        if ticks and len(ticks) == len(messages) and not self._positions:
            await self._sequencer.play(state.encode(), self._ticks, SOURCE, ticks)
            return
        outputs = [self._output(message) for message in messages] + self._dead
        await self._sequencer.commit(state.encode(), self._positions, outputs)
        self._positions, self._dead = {}, []

    async def trader_behind(self) -> bool | None:
        """Whether the pace group has not finished the last tick; None when there is no such group."""
        return (await self._behind()).get(self._pace_group)

    async def readers_done(self) -> bool:
        """Whether every group has finished the last tick."""
        return not any((await self._behind()).values())

    async def _behind(self) -> dict[bytes, bool]:
        """Every group of the ticks, and whether it has some to finish."""
        pipeline = self._bus.redis.pipeline(transaction=True)
        pipeline.xinfo_stream(self._ticks)
        pipeline.xinfo_groups(self._ticks)
        stream, groups = await pipeline.execute(raise_on_error=False)
        if isinstance(stream, ResponseError):
            return {}  # nothing was ever sent there
        last = stream["last-generated-id"]
        return {group["name"]: group["last-delivered-id"] != last or bool(group["pending"]) for group in groups}

    async def _is_served_elsewhere(self, symbol: str) -> bool:
        """Whether another venue trades `symbol` now: its orders are for it to answer."""
        return symbol != self._symbol and bool(await self._bus.redis.exists(f"lease:{venue_name(symbol)}"))

    def _output(self, message: Message) -> Output:
        if isinstance(message, TickMessage):
            fields: Fields = {
                "data": message.json,
                "id": message.id,
                "type": "MarketTick",
                "source": SOURCE,
                "time": message.time,
            }
            return Output(self._ticks, fields)
        # an order has at most one event of a kind in a bar, so this names it; the same event has the same id again
        kind = message.kind if message.kind == "rejection" else message.reason
        name = f"{message.order_id}/{kind}/{message.timestamp}"
        return self._sequencer.output(
            streams.MARKET_FILLS,
            message,
            id=str(uuid5(NAMESPACE_OID, name)),
            correlationid=str(message.order_id),
            traceparent=self._traces.get(message.order_id),
        )


def _identity(settings: SimSettings, symbol: str, tape: Tape) -> str:
    """What tells this replay from others: a saved state is used only by the one that saved it."""
    terms = [settings.commission_rate, settings.slippage_impact, settings.starting_cash]
    parts = [symbol, tape.bars.digest(), settings.seed, settings.loop, settings.channel, *terms]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
