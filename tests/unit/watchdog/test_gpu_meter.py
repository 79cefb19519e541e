"""What is made of what NVML says. NVML itself needs a GPU; its Python binding's names are checked all the same."""

import os
from types import SimpleNamespace
from typing import Any

import psutil
import pynvml
import pytest

from osiris_contracts import Presence
from osiris_mesh.connection import connect
from osiris_mesh.presence import announce
from osiris_watchdog.meters import MeterFailed
from osiris_watchdog.meters.gpu import GpuMeter

MIB = 2**20


class Nvml:
    """Two GPUs: one held by processes, one that fell off the bus."""

    NVMLError = pynvml.NVMLError

    def __init__(self, processes: dict[int, int | None], *, there: bool = True) -> None:
        self._processes = processes
        self._there = there

    def nvmlInit(self) -> None:
        if not self._there:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_DRIVER_NOT_LOADED)

    def nvmlShutdown(self) -> None: ...

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        if index == 1:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:
        return "NVIDIA RTX 3060"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        return SimpleNamespace(used=11_000 * MIB)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[Any]:
        return [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in self._processes.items()]


def test_the_binding_has_what_is_asked_of_it() -> None:
    for name in [name for name in vars(Nvml) if name.startswith("nvml")]:
        assert callable(getattr(pynvml, name))


async def _present(redis: Any, service: str, pid: int) -> str:
    name = f"{service}-box-{pid}-abc"
    await announce(
        redis,
        Presence.model_validate(
            {"service": service, "instance": name, "ready": True, "in_flight": 0, "started_at": "2026-01-01T00:00:00Z"}
            | {"pid": pid}
        ),
    )
    return name


async def test_a_gpu_is_put_down_to_the_instance_that_holds_most_of_it(redis_url: str) -> None:
    redis = connect(redis_url)
    parent = psutil.Process().ppid()
    hermes = await _present(redis, "hermes", parent)  # this process is its child, as vLLM's is
    await _present(redis, "phi3", 999_999)
    meter = GpuMeter(redis, "hermes", Nvml({os.getpid(): 8_000 * MIB, 999_999: 2_000 * MIB, 1_000_001: None}))
    first, lost = await meter.read()
    assert (first.service, first.instance, first.mib) == ("hermes", hermes, 11_000)
    assert first.device == "GPU 0 (NVIDIA RTX 3060)"
    assert meter.processes[first.device, 999_999] == 2_000
    assert lost.mib is None and "lost" in lost.failure.lower()
    await redis.aclose()


async def test_processes_that_nobody_knows_are_put_down_to_the_service_that_was_named(redis_url: str) -> None:
    redis = connect(redis_url)
    first, _ = await GpuMeter(redis, "phi3", Nvml({1_000_001: 5 * MIB})).read()
    assert (first.service, first.instance) == ("phi3", None)
    await redis.aclose()


async def test_a_driver_that_is_not_there_is_told(redis_url: str) -> None:
    redis = connect(redis_url)
    with pytest.raises(MeterFailed, match="Driver Not Loaded"):
        await GpuMeter(redis, "hermes", Nvml({}, there=False)).read()
    await redis.aclose()
