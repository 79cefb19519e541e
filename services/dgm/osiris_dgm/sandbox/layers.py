"""The walls, one inside the other. Each is tried once it stands: a wall that gives way is a missing one.

No file, no network, no process and no other user's anything: the candidate needs none of them, for all that it may
import is in memory before the walls go up.
"""

import errno
import os
import resource
from collections.abc import Callable
from importlib import import_module

import landlockpy

from osiris_dgm.sandbox.bounds import Bounds

USER = 23_457
"""The user id of candidates where the kernel runs as root; nobody else's."""

SYSCALLS = (
    *("read", "write", "close", "exit", "exit_group", "fstat", "lseek"),
    *("munmap", "mremap", "brk", "madvise", "futex", "sched_yield"),
    *("rt_sigreturn", "rt_sigaction", "rt_sigprocmask", "sigaltstack", "restart_syscall"),
    *("clock_gettime", "gettimeofday", "getrandom", "getpid"),
)
"""All that a Python which opens nothing needs; memory that it may write is never code."""

_EXECUTABLE = 4  # PROT_EXEC


class LayerMissing(Exception):
    """A wall does not stand."""


def raise_all(bounds: Bounds) -> list[str]:
    """Put up every wall around this process, for good; returns what is missing, in words."""
    layers: dict[str, Callable[[], object]] = {
        "libseccomp": lambda: import_module("pyseccomp"),  # which looks for it, while there are files to look at
        "rlimits": lambda: _limit(bounds),
        "user id": _change_user,
        "landlock": _restrict_files,
        "seccomp": _restrict_syscalls,
    }
    missing = []
    for name, put_up in layers.items():
        try:
            put_up()
        except Exception as error:
            missing.append(f"{name}: {error}"[:200])
    return missing


def _limit(bounds: Bounds) -> None:
    for limit, most in (
        (resource.RLIMIT_AS, bounds.memory_bytes),
        (resource.RLIMIT_CPU, bounds.cpu_seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 16),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(limit, (most, most))
        if resource.getrlimit(limit) != (most, most):
            raise LayerMissing(f"expected limit {limit} at {most}, was {resource.getrlimit(limit)}")


def _change_user() -> None:
    """Only root can; another user's candidates stay that user's, behind the other walls."""
    if os.getuid() != 0:
        return
    os.setgroups([])
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)
    try:
        os.setuid(0)
    except PermissionError:
        return
    raise LayerMissing("expected root to be out of reach, it was not")


def _restrict_files() -> None:
    abi = landlockpy.abi_version()
    landlockpy.Ruleset(
        handled_fs=landlockpy.fs_for_abi(abi),
        handled_net=landlockpy.net_for_abi(abi),
        scoped=landlockpy.scope_for_abi(abi),
    ).restrict()
    _expect_refused(errno.EACCES)


def _restrict_syscalls() -> None:
    import pyseccomp

    walls = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    for name in SYSCALLS:
        walls.add_rule(pyseccomp.ALLOW, name)
    for name in ("mmap", "mprotect"):
        walls.add_rule(pyseccomp.ALLOW, name, pyseccomp.Arg(2, pyseccomp.MASKED_EQ, _EXECUTABLE, 0))
    walls.load()
    _expect_refused(errno.EPERM)


def _expect_refused(code: int) -> None:
    try:
        os.close(os.open("/", os.O_RDONLY))
    except OSError as error:
        if error.errno == code:
            return
        raise LayerMissing(f"expected a file to be refused with {errno.errorcode[code]}, was {error}") from None
    raise LayerMissing("expected a file to be refused, it was opened")
