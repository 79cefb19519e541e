"""The steps that must be atomic, as Lua. Redis runs a script without anything in between."""

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

from redis.exceptions import NoScriptError

from osiris_mesh.envelope import Fields
from osiris_mesh.writer import Writer


class Finished(IntEnum):
    """What became of an entry that a handler was done with."""

    TAKEN = 0  # another worker had finished it
    DONE = 1
    DUPLICATE = 2  # the message had its effect before; the entry is not acknowledged yet


@dataclass(frozen=True, slots=True)
class Output:
    """An entry that goes out together with the acknowledgement of what caused it.

    Attributes:
        stream: where to.
        fields: the entry.
        expires: seconds after which the whole stream may vanish (reply streams of strangers); 0 for never.
    """

    stream: str
    fields: Fields
    expires: int = 0


WRITE_OUTPUTS = """
local function write(at)
  for _ = 1, tonumber(ARGV[at]) do
    local stream, expires, count = ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    redis.call('XADD', stream, '*', unpack(ARGV, at + 4, at + 3 + count))
    if expires > 0 then redis.call('EXPIRE', stream, expires) end
    at = at + 3 + count
  end
  return at
end
"""
"""How a script begins that writes outputs: `write(at)` writes those whose arguments begin at `at`."""

FINISH = (
    WRITE_OUTPUTS
    + """
-- KEYS: stream, effect, answers. ARGV: group, entry, seconds to remember the effect, answers to keep (0 for not
-- this one), answer ('' for none), outputs.
if KEYS[2] ~= '' and redis.call('EXISTS', KEYS[2]) == 1 then return 2 end
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
if KEYS[2] ~= '' then
  local kept = ARGV[5] ~= '' and '-' or ''
  if ARGV[5] ~= '' and tonumber(ARGV[4]) > 0 then
    kept = redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[4], '*', 'data', ARGV[5])
    redis.call('EXPIRE', KEYS[3], ARGV[3])
  end
  redis.call('SET', KEYS[2], kept, 'EX', ARGV[3])
end
write(6)
return 1
"""
)
"""Acknowledge, remember the effect and where its answer is kept, write the outputs: answers with a `Finished`.

Sent again, or run for an entry that somebody else has finished, it writes nothing.
"""

NOT_KEPT = b"-"
"""What FINISH remembers of an answer that was given and not kept."""

ASK_ONCE = (
    WRITE_OUTPUTS
    + """
-- KEYS: the answer's stream. ARGV: seconds it lives, outputs.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('XADD', KEYS[1], '*', 'asked', '1')
redis.call('EXPIRE', KEYS[1], ARGV[1])
write(2)
return 1
"""
)
"""Write the outputs (1) unless somebody did so before (0): the stream of their answer tells."""

NEXT_COMMIT = """
-- KEYS: lease, state, number of commits. ARGV: holder, number of this commit, state.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local before = tonumber(ARGV[2]) - 1
local last = tonumber(redis.call('GET', KEYS[3]) or 0)
if last == before + 1 then return 1 end
if last ~= before then return 0 end
redis.call('SET', KEYS[3], ARGV[2])
redis.call('SET', KEYS[2], ARGV[3])
"""
"""How a script of a lease's holder begins: it goes on only as the commit after the last, and saves the state.

A commit that is sent again is done already (1). Nothing is done (0) once the lease is gone, or when Redis has lost the
commits before this one, so that its holder begins again from what there is.
"""

COMMIT = (
    WRITE_OUTPUTS
    + NEXT_COMMIT
    + """
-- ARGV: count of positions, (stream, group, entry)…, outputs.
local at = 5
for _ = 1, tonumber(ARGV[4]) do
  redis.call('XGROUP', 'SETID', ARGV[at], ARGV[at + 1], ARGV[at + 2])
  at = at + 3
end
write(at)
return 1
"""
)
"""Save the state, move the positions and write the outputs, once."""

RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
"""Prolong a lease that is still held (1), else nothing (0)."""

RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
"""Give up a lease that is still held."""


def flatten(outputs: list[Output]) -> list[Any]:
    """Outputs as script arguments."""
    arguments: list[Any] = [len(outputs)]
    for output in outputs:
        arguments += [output.stream, output.expires, 2 * len(output.fields)]
        for name, value in output.fields.items():
            arguments += [name, value]
    return arguments


async def acknowledge(writer: Writer, stream: str, group: str, entry_id: str, outputs: list[Output]) -> bool:
    """Acknowledge an entry and write `outputs`, in one step; False, and nothing is written, if it was done before."""
    finished = await run(writer, FINISH, [stream, "", ""], [group, entry_id, 0, 0, "", *flatten(outputs)])
    return finished == Finished.DONE


async def run(writer: Writer, script: str, keys: list[str], arguments: list[Any]) -> int:
    """Run `script` in the writer's order, loading it first where Redis does not know it (any more)."""
    call = ("EVALSHA", _digest(script), len(keys), *keys, *arguments)
    try:
        return int(await writer.call(*call))
    except NoScriptError:
        await writer.call("SCRIPT", "LOAD", script)
        return int(await writer.call(*call))


@cache
def _digest(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
