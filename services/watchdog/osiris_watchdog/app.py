"""Wires a meter to the guard, and the guard to the control streams."""

import asyncio
import time

import structlog

from osiris_contracts import streams
from osiris_mesh import Service
from osiris_watchdog.guard import Guard
from osiris_watchdog.meters import Meter, gpu
from osiris_watchdog.meters.memory import MemoryMeter
from osiris_watchdog.metrics import WatchdogMetrics
from osiris_watchdog.patrol import Patrol
from osiris_watchdog.records import SOURCE, Records
from osiris_watchdog.settings import WatchdogSettings

_log = structlog.get_logger(__name__)


def build(settings: WatchdogSettings) -> Service:
    """The watchdog service."""
    service = Service(SOURCE, settings)
    redis = service.bus.redis
    on_gpu = settings.meter == "gpu" or (settings.meter == "auto" and gpu.is_there())
    meter: Meter = gpu.GpuMeter(redis, settings.gpu_service) if on_gpu else MemoryMeter(redis, but=SOURCE)
    rules = settings.rules(gpu=on_gpu)
    patrol = Patrol(
        meter,
        Guard(rules),
        Records(redis, rules.pace),
        WatchdogMetrics(service.metrics.registry),
        dry_run=settings.dry_run,
        now=time.time,
    )

    @service.background
    async def watch() -> None:
        rounds = 0
        while True:
            if not service.presence().draining:
                readings = await patrol.round()
                rounds += 1
                _log.info("read", **{each.subject: each.mib for each in readings})
            if rounds == settings.max_iterations != 0:
                service.stop()
                return
            await asyncio.sleep(settings.interval_seconds)

    async def resume() -> None:
        await service.resume()
        await patrol.release()

    service.on_start(patrol.recover)
    service.on_command("resume", resume)
    service.trims(streams.WATCHDOG_EVENTS)
    return service
