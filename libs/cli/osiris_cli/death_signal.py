"""A child that does not outlive its parent, even one killed with -9.

Linux tells the child (prctl PR_SET_PDEATHSIG). Elsewhere nothing does: there, after `kill -9` of the supervisor, the
services go on until they are stopped by hand.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """A `preexec_fn`: the child gets the signal `number` when its parent dies. None where the system has no such thing.

    It is the thread that forked whose end counts: start children from one that lives on, as the main thread does.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # loaded here: between fork and exec nothing may be imported
    parent = os.getpid()

    def in_child() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return in_child
