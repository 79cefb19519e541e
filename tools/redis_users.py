"""Writes a Redis ACL user for every service: each reads and writes what is its own, and nothing else.

    python tools/redis_users.py > deploy/redis/users.acl       the users, all off: nobody can log in
    python tools/redis_users.py --secrets FOLDER               the same, on, with a password each

The second makes FOLDER/users.acl, which holds hashes alone, and FOLDER/<user>.env with the OSIRIS_REDIS_URL of each;
passwords that are there already stay. Needs Redis 7 or Valkey: older ones know no permissions to read or write alone.
"""

import argparse
import hashlib
import re
import secrets
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args
from urllib.parse import unquote, urlsplit, urlunsplit

from osiris_contracts import ModelId, streams

SCALER = "scaler"
"""What starts more workers where a queue grows long: sees the groups of the requests, none of the requests."""

OPERATOR = "operator"
"""Whoever sits at the `osiris` command: may do everything that does not touch the server itself."""

SCHEMES = ("redis://", "rediss://", "unix://", "redis+sentinel://", "rediss+sentinel://")

_CONNECTION = "client|setinfo client|setname client|id select ping multi exec discard script|load command|info"
_CONNECTION_ALONE = "client|setinfo client|setname ping"
_COUNT = "info xinfo|groups xlen"
"""What KEDA asks: the version, then the group's lag, or the length where there is no group yet. XINFO STREAM would show
requests."""

_STREAM = "xadd xread xreadgroup xrange xrevrange xlen xack xclaim xautoclaim xpending xinfo xgroup xtrim"
_KEY = "get set mget exists del expire pexpire zadd zrem zrange zremrangebyscore zcard"
_SCRIPT = "evalsha eval"
_LOOK = "xread xrange xrevrange xinfo xlen xpending exists get mget hgetall zrange zrangebyscore"

_NO_KEY = ""
"""What our scripts are given in place of a key they do not need."""

STRANGERS_REPLIES = "*.replies"
"""Where outside publishers have their answers sent; any other name is refused to the models."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a service does in Redis, by key patterns.

    Attributes:
        owns: it reads, writes, trims and removes: streams it consumes, their dead letters, its state.
        publishes: it appends to.
        answers: it appends to, and says when they vanish.
        remembers: it sets.
        looks_at: it reads.
        counts: it reads, with the script that counts what waits.
        says: pub/sub channels it publishes on.
        commands: beyond those that all have.
    """

    owns: tuple[str, ...] = ()
    publishes: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    remembers: tuple[str, ...] = ()
    looks_at: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


def _consumed(*names: str) -> tuple[str, ...]:
    """Streams with their lanes and dead letters."""
    return tuple(each for name in names for each in (*streams.lanes(name), streams.dead(name)))


def _sequenced(name: str) -> tuple[str, ...]:
    """What a `Sequencer` of that name keeps."""
    return (f"lease:{name}", f"state:{name}", f"commits:{name}")


_ALL_LANES = tuple(lane for stream in streams.REQUESTS_OF.values() for lane in streams.lanes(stream))
_SPEECH_LANES = streams.lanes(streams.TTS_REQUESTS)
_MODELS_CONTROLS = tuple(map(streams.control, get_args(ModelId)))
_REPLIES = (streams.replies("*"), streams.answer("*"), streams.ORCHESTRATOR_REPLIES, STRANGERS_REPLIES)


_SHOWN = (
    *_ALL_LANES,
    *_SPEECH_LANES,
    streams.MARKET_TICKS,
    streams.MARKET_ORDERS,
    streams.MARKET_FILLS,
    streams.PROPOSAL_CREATED,
    streams.PROPOSAL_ASSESSED,
    streams.FEEDBACK_SUBMITTED,
    streams.ADVICE_GENERATED,
    streams.ORCHESTRATOR_REPLIES,
    streams.AUDIO_BYTES,
    streams.ASSESSMENT_SPOKEN,
    streams.DESK_COMMANDS,
    streams.DESK_STATUS,
)
"""What the gateway shows to whoever watches the desk."""


def _model(model: ModelId) -> Needs:
    return Needs(
        owns=(*_consumed(streams.REQUESTS_OF[model]), f"effect:{model}:*", f"effect-answers:{model}"),
        answers=_REPLIES,
    )


SERVICES = {
    "gateway": Needs(
        owns=(streams.answer("*"), "idempotency:*", "proposal:*", "gateway:limits:*"),
        publishes=(
            *_ALL_LANES,
            *_SPEECH_LANES,
            *_MODELS_CONTROLS,
            streams.control("tts"),
            streams.PROPOSAL_CREATED,
            streams.PROPOSAL_ASSESSED,
            streams.FEEDBACK_SUBMITTED,
            streams.DESK_COMMANDS,
        ),
        looks_at=(
            "gateway:keys",
            "gateway:keys:version",
            "presence",
            "presence:*",
            *_SHOWN,
            *map(streams.dead, _SHOWN),
        ),
        counts=_SHOWN,
        commands=("info",),  # whether Redis has room
    ),
    "hermes": _model("hermes"),
    "phi3": Needs(
        owns=(*_model("phi3").owns, *_consumed(streams.MODELS_PUBLISHED)),
        answers=_REPLIES,
        looks_at=(
            streams.FEEDBACK_SUBMITTED,  # it learns from corrections
            streams.PROPOSAL_CREATED,  # and watches how a new version does
        ),
    ),
    "orchestrator": Needs(
        owns=(
            *_consumed(streams.MARKET_TICKS, streams.MARKET_FILLS, streams.ADVICE_GENERATED),
            *_consumed(streams.DESK_COMMANDS, streams.DESK_STATUS, streams.ASSESSMENT_SPOKEN),
            *_consumed(streams.POLICY_VERSIONS, streams.POLICY_TRACES),
            *_consumed(streams.PROPOSAL_ASSESSED),  # it speaks them
            streams.ORCHESTRATOR_REPLIES,
            streams.answer("*"),
            *_sequenced(streams.DESK_GROUP),
            f"effect:{streams.DESK_GROUP}.speech:*",
            "last_speak_ms.*",
        ),
        publishes=(
            *_ALL_LANES,
            *_SPEECH_LANES,
            *_MODELS_CONTROLS,
            streams.control("tts"),
            streams.PROPOSAL_CREATED,
            streams.OUTCOME_OBSERVED,
            streams.MARKET_ORDERS,
        ),
        remembers=("proposal:*",),
    ),
    "sim": Needs(
        owns=(*_consumed(streams.MARKET_ORDERS, streams.MARKET_TICKS, streams.MARKET_FILLS), *_sequenced("sim.*")),
    ),
    "tts": Needs(
        owns=(
            *_consumed(streams.TTS_REQUESTS, streams.AUDIO_BYTES),
            "effect:tts:*",
            "effect-answers:tts",
            "pieces:tts:*",
        ),
        answers=_REPLIES,
        commands=("hmget", "hget", "hset", "publish"),
        says=(streams.AUDIO_BYTES,),
    ),
    "azr_planner": Needs(
        owns=(
            *_consumed(streams.PLANNER_REQUESTS, streams.DGM_OUTCOMES),
            *_sequenced("azr_planner"),
            "effect:azr_planner:*",
            "effect-answers:azr_planner",
            "gateway:limits:*",  # a key's minute is one, whichever door it knocks at
        ),
        answers=_REPLIES,
        looks_at=("gateway:keys", "gateway:keys:version"),
    ),
    "dgm": Needs(
        owns=(
            *_consumed(streams.POLICY_TRACES, streams.ADVICE_GENERATED),
            *_consumed(streams.DGM_OUTCOMES, streams.POLICY_VERSIONS),
            streams.answer("*"),
        ),
        publishes=(
            *streams.lanes(streams.HERMES_REQUESTS),
            *_consumed(streams.PLANNER_REQUESTS),
            *map(streams.control, ("hermes", "azr_planner")),
        ),
        looks_at=(
            streams.MARKET_TICKS,
            *(key for name in ("hermes", "azr_planner") for key in (f"presence:{name}", f"presence:{name}:*")),
        ),
    ),
    "trainer": Needs(
        owns=_consumed(
            streams.PROPOSAL_CREATED,
            streams.PROPOSAL_ASSESSED,
            streams.FEEDBACK_SUBMITTED,
            streams.OUTCOME_OBSERVED,
        ),
        publishes=(streams.MODELS_PUBLISHED,),
    ),
    "watchdog": Needs(
        owns=(*_consumed(streams.WATCHDOG_EVENTS), streams.WATCHDOG_BRAKES),
        publishes=(streams.control("*"),),  # whoever grows is told to restart
        looks_at=("presence", "presence:*"),
        commands=("hgetall", "hset"),
    ),
}


def _of_every(service: str) -> tuple[str, ...]:
    """What every service owns: its presence, its instances' replies, its instructions."""
    return (
        "presence",
        f"presence:{service}",
        f"presence:{service}:*",
        streams.replies(f"{service}-*"),
        *_consumed(streams.control(service)),
        _NO_KEY,
    )


def _allow(commands: str) -> str:
    return " ".join(f"+{command}" for command in commands.split())


def _keys(kind: str, patterns: Iterable[str]) -> str:
    return " ".join(f"%{kind}~{pattern}" for pattern in dict.fromkeys(patterns))


def rules(service: str, needs: Needs) -> str:
    """The rules of a service's user, but for its password."""
    commands = " ".join((_CONNECTION, _STREAM, _KEY, _SCRIPT, *needs.commands))
    selectors = (
        (needs.publishes, "W", "xadd"),
        (needs.answers, "W", "xadd expire"),
        (needs.remembers, "W", "set"),
        (needs.looks_at, "R", _LOOK),
        (needs.counts, "RW", "eval"),  # what a script does is checked like any command
    )
    parts = [
        _keys("RW", (*_of_every(service), *needs.owns)),
        " ".join(("resetchannels", *(f"&{channel}" for channel in needs.says), "-@all")),
        _allow(commands),
        *(f"({_allow(allowed)} {_keys(kind, patterns)})" for patterns, kind, allowed in selectors if patterns),
    ]
    return " ".join(parts)


def users() -> Iterator[tuple[str, str]]:
    """Name and rules of every user but the default one."""
    for service, needs in SERVICES.items():
        yield service, rules(service, needs)
    queues = (*_ALL_LANES, *_SPEECH_LANES, *streams.lanes(streams.PLANNER_REQUESTS))
    yield SCALER, f"{_keys('R', queues)} resetchannels -@all {_allow(_CONNECTION_ALONE)} {_allow(_COUNT)}"
    yield OPERATOR, "~* &* +@all -@dangerous +info +keys -script -function"


def render(hashes: dict[str, str] | None = None) -> str:
    """The file.

    Args:
        hashes: SHA-256 of the passwords, by user; without them everybody is off.
    """
    # nobody can log in as this user, but Redis reads its append-only file as it, and drops what it may not do of the
    # transactions there
    lines = ["user default off ~* &* +@all"]
    for name, said in users():
        state = "off" if hashes is None else f"on #{hashes[name]}"
        lines.append(f"user {name} {state} {said}")
    return "\n".join(lines) + "\n"


def write_secrets(folder: Path, url: str) -> list[Path]:
    """Make `users.acl` and the users' environments in `folder`, readable by nobody else; returns the files."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    hashes, written = {}, []
    for name, _ in users():
        path = folder / f"{name}.env"
        password = _password_in(path) or secrets.token_urlsafe(32)
        hashes[name] = hashlib.sha256(password.encode()).hexdigest()
        written.append(_write(path, f"OSIRIS_REDIS_URL={_with_user(url, name, password)}\n"))
    return [_write(folder / "users.acl", render(hashes)), *written]


def _with_user(url: str, name: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{name}:{password}@{parts.netloc.rpartition('@')[2]}"))


def _password_in(path: Path) -> str | None:
    found = re.search(r"^OSIRIS_REDIS_URL=(.*)$", path.read_text(), re.MULTILINE) if path.exists() else None
    password = urlsplit(found[1]).password if found else None
    return unquote(password) if password else None


def _write(path: Path, text: str) -> Path:
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(text)
    return partial.replace(path)


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--secrets", type=Path, metavar="FOLDER", help="make users that can log in, and their URLs")
    parser.add_argument("--url", default="redis://127.0.0.1:6379/0", help="of Redis, without a user (%(default)s)")
    given = parser.parse_args()
    if not given.url.startswith(SCHEMES):
        parser.error(f"expected a --url that starts with one of {' '.join(SCHEMES)}, was '{given.url}'")
    if given.secrets is None:
        print(render(), end="")
        return
    for path in write_secrets(given.secrets, given.url):
        print(path)


if __name__ == "__main__":
    sys.exit(main())
