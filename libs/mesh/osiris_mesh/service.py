"""A service: its subscriptions, hooks and probes, from start to drain."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, cast

import psutil
import structlog
from faststream import AckPolicy, BaseMiddleware

from osiris_contracts import ModelStatus, Presence, streams
from osiris_mesh import batches, logs, tracing
from osiris_mesh.bounded_http import HttpLimits
from osiris_mesh.bus import Bus
from osiris_mesh.connection import broker
from osiris_mesh.control import Controls
from osiris_mesh.errors import RestartWanted
from osiris_mesh.handling import Handler
from osiris_mesh.measuring import measure
from osiris_mesh.metrics import Metrics
from osiris_mesh.patience import Patience
from osiris_mesh.presence import announce, keep_announcing, withdraw
from osiris_mesh.probes import Probes
from osiris_mesh.settings import MeshSettings
from osiris_mesh.subscription import Subscription
from osiris_mesh.tasks import end
from osiris_mesh.terms import Terms
from osiris_mesh.trim import keep_trimming

Hook = Callable[[], Awaitable[None]]

MEASURE_SECONDS = 2.0
YOUNG_OBJECTS = 10_000
"""More than are freed, before Python looks among them for garbage: most of what a message leaves is freed at once."""
RESTART_CODE = os.EX_TEMPFAIL
"""Exit code of a service that was told to restart: not 0, which would be the end of one that ends by itself."""

LEAVE_SECONDS = 5.0
"""What a failing service may take to leave the mesh beyond finishing what it holds."""

_log = structlog.get_logger(__name__)


class Service:
    """One process of the mesh.

    `async with service.running():` runs it inside something else (the gateway, a test); `service.run()` is for
    `__main__`: probes, signals, drain.

    Args:
        name: of the service; also its consumer group.
        reply_stream: where answers to its own requests come; a stream of this instance's own by default.
    """

    def __init__(self, name: str, settings: MeshSettings, *, reply_stream: str | None = None) -> None:
        self.name = name
        self.settings = settings
        self.bus = Bus(settings.redis_url, name, reply_stream)
        self.metrics = Metrics()
        self.controls = Controls(self.bus.redis, name, self.bus.instance)
        self.model_status: Callable[[], ModelStatus | None] = lambda: None
        self._subscriptions: list[Subscription] = []
        self._before_listening: list[Hook] = []
        self._on_start: list[Hook] = []
        self._on_stop: list[Hook] = []
        self._background: list[Callable[[], Awaitable[None]]] = []
        self._commands: dict[str, Hook] = {"drain": self.drain, "resume": self.resume, "restart": self.restart}
        self._trimmed = {streams.control(name)}
        self._measured: list[tuple[str, str]] = []
        self._started_at = datetime.now(UTC)
        self._process = psutil.Process()
        self._ready = False
        self._draining = False
        self._front: Any = None
        self._limits = HttpLimits()
        self._probe_url: str | None = None
        self._stopped = asyncio.Event()
        self._failure: BaseException | None = None
        self._broker = broker(
            settings.redis_url,
            middlewares=[self._middleware],
            ack_policy=AckPolicy.MANUAL,
            logger=cast(Any, None),  # handlers are logged here, with their correlation id
            graceful_timeout=settings.drain_seconds,
        )

    # --- what a service declares --------------------------------------------------------------------------------

    def consume(
        self, stream: str, contract: Any, *, workers: int = 16, group: str | None = None
    ) -> Callable[[Handler], Handler]:
        """Handle the entries of `stream`, `workers` of each of its lanes at a time; what is returned is the answer.

        A handler raises `Refused` for a request that will never work, anything else to be tried again.
        """

        def register(handler: Handler) -> Handler:
            for lane in streams.lanes(stream):
                add(lane, handler)
            return handler

        def add(lane: str, handler: Handler) -> None:
            subscription = Subscription(
                stream=lane,
                base=stream,
                group=group or self.name,
                consumer=self.bus.instance,
                contract=contract,
                handler=handler,
                terms=Terms(
                    lease_seconds=self.settings.lease_seconds,
                    max_deliveries=self.settings.max_deliveries,
                    effect_seconds=int(self.settings.effect_days * 86_400),
                    answers_kept=self.settings.answers_kept,
                    workers=workers,
                    drain_seconds=self.settings.drain_seconds,
                    patience_seconds=self.settings.redis_patience_seconds,
                ),
                redis=self.bus.redis,
                writer=self.bus.writer,
                controls=self.controls,
                metrics=self.metrics,
            )
            subscription.register(self._broker)
            self._subscriptions.append(subscription)
            self._trimmed.add(lane)
            self.measures(lane, subscription.group)

        return register

    def consume_batches(
        self,
        stream: str,
        contract: Any,
        handler: batches.Handler,
        *,
        group: str | None = None,
        linger_seconds: float = batches.LINGER_SECONDS,
    ) -> None:
        """Handle the entries of `stream` many at a time, as `BatchConsumer` says."""
        consumer = batches.BatchConsumer(
            self.bus,
            self.metrics,
            stream=stream,
            group=group or self.name,
            contract=contract,
            handler=handler,
            lease_seconds=self.settings.lease_seconds,
            max_deliveries=self.settings.max_deliveries,
            linger_seconds=linger_seconds,
        )
        self.background(consumer.run)
        self.trims(stream)
        self.measures(stream, group or self.name)

    def before_listening(self, hook: Hook) -> Hook:
        """Run with Redis there and no port open yet; raises `Misconfigured` where none must be opened."""
        self._before_listening.append(hook)
        return hook

    def on_start(self, hook: Hook) -> Hook:
        """Run before the first entry is read, such as loading a model; the service is not ready until then."""
        self._on_start.append(hook)
        return hook

    def on_stop(self, hook: Hook) -> Hook:
        """Run after the last entry was handled."""
        self._on_stop.append(hook)
        return hook

    def on_command(self, command: str, hook: Hook) -> None:
        """Run when the control stream says `command`."""
        self._commands[command] = hook

    def background(self, work: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Run beside the subscriptions until the service stops; its failure stops the service."""
        self._background.append(work)
        return work

    def front(self, app: Any, limits: HttpLimits | None = None) -> None:
        """Serve an ASGI app on the port of the probes; they keep their own paths."""
        self._front = app
        self._limits = limits or self._limits

    def measures(self, stream: str, group: str) -> None:
        """Tell in /metrics what `group` has left to do on `stream`; that of what it consumes is told anyway."""
        self._measured.append((stream, group))

    def trims(self, *names: str) -> None:
        """Trim streams that the service writes but does not consume."""
        self._trimmed.update(names)

    # --- life ---------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def running(self, *, probes: bool = False) -> AsyncIterator["Service"]:
        """Run the service for the length of the block."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.bus)
            for hook in self._before_listening:
                await hook()
            if probes:
                server = Probes(
                    self.name,
                    self._broker,
                    self.metrics.registry,
                    self._readiness,
                    front=self._front,
                    drain_seconds=self.settings.drain_seconds,
                    limits=self._limits,
                )
                self._probe_url = await server.start(self.settings.probe_host, self.settings.probe_port)
                stack.push_async_callback(server.stop)
            stack.push_async_callback(withdraw, self.bus.redis, self.name, self.bus.instance)
            patience = Patience(self.settings.redis_patience_seconds)
            self._spawn(stack, keep_announcing(self.bus.redis, self.presence, patience))
            self._spawn(stack, self.controls.obey(self._commands))
            for hook in self._on_start:
                await hook()
            for hook in reversed(self._on_stop):
                stack.push_async_callback(hook)
            for subscription in self._subscriptions:
                await subscription.prepare()
            await self._broker.start()
            for subscription in self._subscriptions:
                self._spawn(stack, subscription.keep_leases())
            stack.push_async_callback(self._leave)
            for subscription in self._subscriptions:
                self._spawn(stack, subscription.keep_taking_over())
            for work in self._background:
                self._spawn(stack, work())
            self._spawn(stack, self._keep_measuring())
            self._spawn(stack, keep_trimming(self.bus.redis, self._trimmed, self.settings.stream_lengths))
            self._ready = True
            await announce(self.bus.redis, self.presence())  # whoever waits for it learns at once
            _log.info("ready", instance=self.bus.instance, probes=self._probe_url)
            try:
                yield self
            finally:
                self._ready = False

    async def serve(self) -> None:
        """Run until SIGTERM, SIGINT, or a background failure, which is raised."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        async with self.running(probes=True):
            _settle_garbage()
            await self._stopped.wait()
            if self._failure is None:
                _log.info("stopping")
            else:  # whatever is broken may break the leaving as well
                loop.call_later(self.settings.drain_seconds + LEAVE_SECONDS, _end_at_once, self._failure)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Ask the service to drain and end."""
        self._stopped.set()

    def fail(self, error: BaseException) -> None:
        """End with `error`: what is not finished is handed back, and whoever supervises the process starts it anew."""
        self._failure = self._failure or error
        self._stopped.set()

    def run(self) -> None:
        """Configure the logs and run in this process; for `__main__`. Exits with RESTART_CODE when told to restart."""
        import uvloop

        logs.configure(self.settings.log_level, self.settings.log_format, self.name)
        if self.settings.otlp_endpoint is not None:
            share = self.settings.trace_share
            tracing.begin(self.settings.otlp_endpoint, self.name, self.bus.instance, share=share)
        try:
            uvloop.run(self.serve())
        except RestartWanted:
            sys.exit(RESTART_CODE)
        finally:
            tracing.end()

    async def drain(self) -> None:
        """Take no new work."""
        self._draining = True
        await self._pause()

    async def resume(self) -> None:
        """Take work again."""
        for subscription in self._subscriptions:
            await subscription.resume()
        self._draining = False

    async def restart(self) -> None:
        """Finish what is held, hand the rest back and end, so that whoever supervises the process starts it anew."""
        self.fail(RestartWanted())

    def presence(self) -> Presence:
        """What this instance says of itself."""
        return Presence(
            service=self.name,
            instance=self.bus.instance,
            ready=self._ready and not self._draining,
            draining=self._draining,
            in_flight=sum(subscription.in_flight for subscription in self._subscriptions),
            pid=self._process.pid,
            memory_mib=self._process.memory_info().rss / 2**20,
            started_at=self._started_at,
            probe_url=self._probe_url,
            model=self.model_status(),
        )

    def _readiness(self) -> tuple[bool, str]:
        if self._draining:
            return False, "draining"
        return (True, "ready") if self._ready else (False, "starting")

    async def _pause(self) -> None:
        await asyncio.gather(*(subscription.pause() for subscription in self._subscriptions))

    async def _leave(self) -> None:
        await self._pause()
        await self._broker.stop()
        for subscription in self._subscriptions:
            await subscription.abandon()

    async def _keep_measuring(self) -> None:
        while True:
            await asyncio.sleep(MEASURE_SECONDS)
            for stream, group in self._measured:
                with contextlib.suppress(Exception):  # a gauge is not worth a service
                    await measure(self.bus.redis, self.metrics, stream, group)

    def _spawn(self, stack: AsyncExitStack, work: Awaitable[None]) -> None:
        async def watched() -> None:
            try:
                await work
            except Exception as error:
                _log.exception("background work failed")
                self.fail(error)

        task = asyncio.create_task(watched())

        stack.push_async_callback(end, task)

    def _middleware(self, message: Any, *, context: Any) -> BaseMiddleware:
        return _Promise(message, context=context, subscriptions=self._subscriptions)


def _settle_garbage() -> None:
    """Look for garbage less often, and never again among what the service is made of."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def _end_at_once(failure: BaseException) -> None:
    _log.error("could not leave the mesh in time, ending at once", error=str(failure))
    os._exit(1)


class _Promise(BaseMiddleware):
    """Hands what was read to its subscription, which keeps the promise of delivery."""

    def __init__(self, msg: Any = None, /, *, context: Any, subscriptions: list[Subscription]) -> None:
        super().__init__(msg, context=context)
        self._subscriptions = subscriptions

    async def consume_scope(self, call_next: Any, msg: Any) -> Any:
        subscription = next(
            each
            for each in self._subscriptions
            if each.stream == msg.raw_message["channel"] and each.group == msg.group
        )
        await subscription.consume(msg.raw_message)
