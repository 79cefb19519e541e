"""Run in the container of the kernel: policies that try to get out of its sandbox, as JSON; prints which of them did.

Where a wall is missing it ends with an exception that says which.
"""

import json
import sys

from osiris_desk.policy import Features
from osiris_dgm.sandbox.bounds import Bounds
from osiris_dgm.sandbox.cell import CandidateFailed, Cell, Contained

BOUNDS = Bounds(cpu_seconds=2, answer_seconds=3, wall_seconds=10)
FEATURES = Features("EURUSD", *[1.0] * 19)._replace(closes=(1.0,))  # no attack looks at them


def got_out(code: str) -> bool:
    """Whether the attack in a policy goes through: it buys, then."""
    try:
        with Cell(code.encode(), BOUNDS) as cell:
            return cell.prompt(FEATURES) is None and cell.decide(FEATURES, None).side == "LONG"
    except (CandidateFailed, Contained):
        return False


print(json.dumps([name for name, code in json.loads(sys.argv[1]).items() if got_out(code)]))
