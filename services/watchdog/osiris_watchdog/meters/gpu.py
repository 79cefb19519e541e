"""The memory of NVIDIA GPUs, through NVML, and whose processes hold it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil
import pynvml
from redis.exceptions import RedisError

from osiris_mesh.connection import Client
from osiris_mesh.presence import alive, services
from osiris_watchdog.meters import MeterFailed
from osiris_watchdog.reading import Reading

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class _Gpu:
    """One GPU: what is held of it, or why that is not known, and by which processes, MiB by process id."""

    name: str
    mib: float | None
    failure: str
    processes: Mapping[int, float]


class GpuMeter:
    """Reads every GPU of this machine.

    A GPU is put down to the instance whose processes hold most of it; the watchdog sees them where it shares the
    machine's process ids (as `osiris up` does). Else, as in a container of its own, to all of `service`.

    Args:
        nvml: the binding.
    """

    def __init__(self, redis: Client, service: str, nvml: Any = pynvml) -> None:
        self._redis = redis
        self._service = service
        self._nvml = nvml
        self.processes: dict[tuple[str, int], float] = {}
        """MiB by GPU and process id, of the last reading."""

    async def read(self) -> list[Reading]:
        """See `Meter.read`."""
        try:
            gpus = await asyncio.to_thread(self._gpus)
            owners = await self._owners()
        except self._nvml.NVMLError as error:
            raise MeterFailed(f"expected NVML to answer, it did not: {error}") from error
        except (RedisError, OSError) as error:
            raise MeterFailed(f"expected Redis to tell who is there, it did not: {error}") from error
        self.processes = {(gpu.name, pid): mib for gpu in gpus for pid, mib in gpu.processes.items()}
        return [self._reading(gpu, owners) for gpu in gpus]

    def _reading(self, gpu: _Gpu, owners: Mapping[int, tuple[str, str]]) -> Reading:
        held: dict[tuple[str, str], float] = {}
        for pid, mib in gpu.processes.items():
            if owner := _owner(pid, owners):
                held[owner] = held.get(owner, 0.0) + mib
        service, instance = max(held, key=lambda owner: held[owner]) if held else (self._service, None)
        return Reading(service, instance, gpu.name, gpu.mib, gpu.failure)

    async def _owners(self) -> dict[int, tuple[str, str]]:
        """Service and instance by process id."""
        return {
            each.pid: (each.service, each.instance)
            for service in await services(self._redis)
            for each in await alive(self._redis, service)
            if each.pid is not None
        }

    def _gpus(self) -> list[_Gpu]:
        self._nvml.nvmlInit()
        try:
            return [self._gpu(index) for index in range(self._nvml.nvmlDeviceGetCount())]
        finally:
            self._nvml.nvmlShutdown()

    def _gpu(self, index: int) -> _Gpu:
        try:
            handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
            name = f"GPU {index} ({self._nvml.nvmlDeviceGetName(handle)})"
            used = self._nvml.nvmlDeviceGetMemoryInfo(handle).used / _MIB
            running = self._nvml.nvmlDeviceGetComputeRunningProcesses(handle)
        except self._nvml.NVMLError as error:
            return _Gpu(f"GPU {index}", None, str(error), {})
        # a driver that may not tell says None (Windows, a container)
        return _Gpu(name, used, "", {each.pid: (each.usedGpuMemory or 0) / _MIB for each in running})


def is_there() -> bool:
    """Whether this machine has an NVIDIA GPU and its driver."""
    try:
        pynvml.nvmlInit()
        try:
            return bool(pynvml.nvmlDeviceGetCount())
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return False


def _owner(pid: int, owners: Mapping[int, tuple[str, str]]) -> tuple[str, str] | None:
    """Whose process it is, or whose child: vLLM computes in one of its own."""
    if pid in owners:
        return owners[pid]
    try:
        parents = psutil.Process(pid).parents()
    except psutil.Error:
        return None
    return next((owners[each.pid] for each in parents if each.pid in owners), None)
