"""`python -m osiris_dgm.sandbox.child BOUNDS`: puts up the walls, then runs the code that comes over the pipe.

Started by `cell.py` alone. It speaks JSON, a line a message: first the missing walls, then the limits of the policy it
was sent, then an answer a question.
"""

import decimal
import json
import math
import os
import statistics
import sys
from typing import Any

from osiris_desk.policy import Features, Intent, Policy
from osiris_desk.policy.loading import load
from osiris_dgm.sandbox import layers
from osiris_dgm.sandbox.bounds import Bounds

PRELOADED = (decimal, math, statistics)
"""What a candidate may import: behind the walls there is no file to load it from."""

_CHUNK = 64 * 1024


class Pipe:
    """Lines in, lines out."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes
        self._rest = b""

    def hear(self) -> Any:
        """The next message."""
        while b"\n" not in self._rest:
            chunk = os.read(self._reads, _CHUNK)
            if not chunk:
                raise SystemExit
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    def say(self, message: dict[str, Any]) -> None:
        """Send a message."""
        rest = json.dumps(message).encode() + b"\n"
        while rest:
            rest = rest[os.write(self._writes, rest) :]


def main(bounds: Bounds) -> None:
    """Serve one policy until the parent has no more questions."""
    pipe = Pipe(os.dup(0), os.dup(1))
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.close(nothing)
    missing = layers.raise_all(bounds)
    pipe.say({"missing": missing})
    if missing:
        return
    try:
        policy = load(pipe.hear()["code"].encode(), "candidate").policy
        pipe.say({"limits": policy.limits})
    except Exception as error:
        pipe.say({"error": str(error)[:500]})
        return
    while True:
        pipe.say(answer(policy, pipe.hear()))


def answer(policy: Policy, question: dict[str, Any]) -> dict[str, Any]:
    """Ask the policy one thing; what it raises is an answer too."""
    features = Features(*question["features"])
    features = features._replace(closes=tuple(features.closes))
    intent = Intent(*question["intent"]) if question.get("intent") else None
    try:
        match question["ask"]:
            case "prompt":
                prompt = policy.prompt(features)
                return {"prompt": prompt} if prompt is not None else {"intent": policy.decide(features, None)}
            case "decide":
                return {"intent": policy.decide(features, intent)}
            case _:
                asked = question["asked"]
                return {"critique": policy.critique(features, intent, asked) if intent else None}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:500]}


if __name__ == "__main__":
    main(Bounds.from_json(sys.argv[1]))
