"""Ed25519 (RFC 8032) signatures of manifests: who holds the private key makes versions, everybody can check them."""

import base64
import binascii
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from osiris_desk.policy.manifest import Manifest

PUBLIC_SUFFIX = ".pub"


class KeyUnusable(ValueError):
    """A file that holds no Ed25519 key."""


def private_key(path: Path) -> Ed25519PrivateKey:
    """The key at `path`, made with its public half `<path>.pub` beside it when there is none.

    Raises:
        KeyUnusable: what is there is no Ed25519 private key in PEM.
    """
    if not path.exists():
        _make(path)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise KeyUnusable(f"expected an Ed25519 private key in PEM at {path}: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"expected an Ed25519 private key at {path}, was {type(key).__name__}")
    return key


def public_key(path: Path) -> Ed25519PublicKey | None:
    """The public key at `path`; None when there is no such file.

    Raises:
        KeyUnusable: what is there is no Ed25519 public key in PEM.
    """
    if not path.exists():
        return None
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except ValueError as error:
        raise KeyUnusable(f"expected an Ed25519 public key in PEM at {path}: {error}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable(f"expected an Ed25519 public key at {path}, was {type(key).__name__}")
    return key


def sign(manifest: Manifest, key: Ed25519PrivateKey) -> Manifest:
    """The manifest with its signature."""
    signature = base64.b64encode(key.sign(manifest.signed_bytes())).decode()
    return manifest.model_copy(update={"signature": signature})


def is_signed(manifest: Manifest, key: Ed25519PublicKey) -> bool:
    """Whether the signature is there, and is of the owner of `key`."""
    if manifest.signature is None:
        return False
    try:
        key.verify(base64.b64decode(manifest.signature, validate=True), manifest.signed_bytes())
    except (InvalidSignature, binascii.Error):
        return False
    return True


def _make(path: Path) -> None:
    """Of two that make one at a time, the first one's stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
    path.with_name(path.name + PUBLIC_SUFFIX).write_bytes(public)
