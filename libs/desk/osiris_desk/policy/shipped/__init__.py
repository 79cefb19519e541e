"""The policies that come with the desk. They are trusted like the package they lie in."""

from pathlib import Path

from osiris_desk.policy.loading import LoadedPolicy, load
from osiris_desk.policy.manifest import CODE, version_of

ADVISED = "advised"
TREND = "trend"
NAMES = (ADVISED, TREND)


def folder_of(name: str) -> Path:
    """Where a shipped policy lies."""
    return Path(__file__).parent / name


def code_of(name: str) -> bytes:
    """Its policy.py."""
    return (folder_of(name) / CODE).read_bytes()


def shipped(name: str = ADVISED) -> LoadedPolicy:
    """A shipped policy; by default the one that decides until the store points to another."""
    code = code_of(name)
    return load(code, version_of(code))


def is_shipped(code: bytes) -> bool:
    """Whether `code` is that of a shipped policy."""
    return any(code == code_of(name) for name in NAMES)
