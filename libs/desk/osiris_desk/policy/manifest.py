"""What a version folder says of its policy, and the name that follows from its code."""

import hashlib
import json
from typing import Annotated

from pydantic import Field

from osiris_contracts import Contract, PolicyId, UtcTime

CODE = "policy.py"
MANIFEST = "manifest.json"

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(Contract):
    """Facts of a version. The signature covers all the others."""

    version: PolicyId = Field(description="The first 16 hex digits of `code_sha256`.")
    code_sha256: Digest = Field(description="Of policy.py.")
    data_sha256: Digest | None = Field(default=None, description="Of the bars it was scored on.")
    parents: tuple[PolicyId, ...] = Field(default=(), max_length=8, description="The versions it was made from.")
    scores: dict[str, float] = Field(default={}, description="What it reached, by name.")
    made_by: str = Field(min_length=1, max_length=200, description="Who or what made it.")
    made_at: UtcTime = Field(description="When, UTC.")
    signature: str | None = Field(default=None, description="Ed25519, base64, over `signed_bytes`.")

    def signed_bytes(self) -> bytes:
        """What a signature is over: all but itself, as JSON with sorted keys and no white space."""
        facts = self.model_dump(mode="json", exclude={"signature"})
        return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()

    def to_json(self) -> str:
        """As it lies on disk."""
        return self.model_dump_json(indent=2) + "\n"


def digest(code: bytes) -> str:
    """SHA-256 of a policy.py, hex."""
    return hashlib.sha256(code).hexdigest()


def version_of(code: bytes) -> str:
    """The version that a policy.py is, by its content."""
    return digest(code)[:16]
