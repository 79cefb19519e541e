"""Versions of the policy for tests: the shipped trend with a number changed, signed or not."""

from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from osiris_desk.policy.manifest import Manifest, digest, version_of
from osiris_desk.policy.shipped import TREND, code_of
from osiris_desk.policy.signing import sign
from osiris_desk.policy.store import PolicyStore

MADE_AT = datetime(2029, 1, 1, tzinfo=UTC)


def variant(before: str, after: str, *, of: str = TREND) -> bytes:
    """The code of a shipped policy with one text in place of another."""
    code = code_of(of).decode()
    assert before in code
    return code.replace(before, after).encode()


def manifest_of(code: bytes, key: Ed25519PrivateKey | None = None) -> Manifest:
    """A manifest of `code`, signed when there is a key."""
    made = Manifest(version=version_of(code), code_sha256=digest(code), made_by="a test", made_at=MADE_AT)
    return sign(made, key) if key else made


def put(store: PolicyStore, code: bytes, key: Ed25519PrivateKey | None = None) -> str:
    """Put `code` into the store; its version."""
    return store.add(code, manifest_of(code, key)).name
