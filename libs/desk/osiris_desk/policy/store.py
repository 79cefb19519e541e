"""Policy versions on disk: `<root>/<version>/{policy.py, manifest.json}`, and pointers to those in use."""

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from osiris_desk.policy.loading import MOST_CODE_BYTES, LoadedPolicy, PolicyRefused, load
from osiris_desk.policy.manifest import CODE, MANIFEST, Manifest, digest, version_of
from osiris_desk.policy.shipped import is_shipped, shipped
from osiris_desk.policy.signing import is_signed, public_key
from osiris_versions import NoVersion, Pointers
from osiris_versions.durable import write_folder

MOST_MANIFEST_BYTES = 64 * 1024

Pointer = Literal["current", "previous", "canary"]


class PolicyStore:
    """The versions under one root.

    Args:
        root: the folder, made when something is written.
        key: file of the public key (PEM) that versions must be signed for; without it only shipped ones are trusted.
    """

    def __init__(self, root: Path, key: Path) -> None:
        self._root = root
        self._key = key
        self._pointers = Pointers(root)

    def versions(self) -> list[str]:
        """Every version in the store, in no order that means anything."""
        return sorted(folder.parent.name for folder in self._root.glob(f"[!.]*/{MANIFEST}"))

    def folder(self, version: str) -> Path:
        """Where a version lies.

        Raises:
            NoVersion: it is not in the store.
        """
        if version not in self.versions():
            raise NoVersion(f"expected a policy version ({', '.join(self.versions()) or 'none yet'}), got {version}")
        return self._root / version

    def add(self, code: bytes, manifest: Manifest) -> Path:
        """Put a version into the store, whole or not at all; returns its folder. One that is there already stays.

        Raises:
            PolicyRefused: the manifest is not that of the code.
        """
        _check_code(code, manifest)
        folder = self._root / manifest.version
        write_folder(folder, {CODE: code, MANIFEST: manifest.to_json().encode()})
        return folder

    def manifest(self, version: str) -> Manifest:
        """What a version says of itself; nothing of it is checked.

        Raises:
            NoVersion: it is not in the store.
            PolicyRefused: it has no readable manifest.
        """
        return _read_manifest(self.folder(version))

    def load(self, version: str) -> LoadedPolicy:
        """A version, once its code and signature are found good. What was checked is what runs: files are read once.

        Raises:
            NoVersion: it is not in the store.
            PolicyRefused: unsigned, tampered with, or no policy.
        """
        folder = self.folder(version)
        code, manifest = _read(folder / CODE, MOST_CODE_BYTES), _read_manifest(folder)
        _check_code(code, manifest)
        if manifest.version != version:
            raise PolicyRefused(f"expected version {version} in {folder}, its manifest is of {manifest.version}")
        if not is_shipped(code):
            self._check_signature(manifest)
        return load(code, version)

    def pointed(self, pointer: Pointer) -> str | None:
        """The version that a pointer names; None when it names none."""
        folder = self._pointers.get(pointer)
        return folder.name if folder else None

    def current(self) -> LoadedPolicy:
        """The policy in use: what `current` names, and the shipped one before anything was named.

        Raises:
            NoVersion: it is gone.
            PolicyRefused: it must not be used.
        """
        version = self.pointed("current")
        return shipped() if version is None else self.load(version)

    def canary(self) -> LoadedPolicy | None:
        """The policy that is on trial; None for none.

        Raises:
            NoVersion: it is gone.
            PolicyRefused: it must not be used.
        """
        version = self.pointed("canary")
        return None if version is None else self.load(version)

    def use(self, version: str) -> None:
        """Let a version decide from now on; a desk that runs is told on `policy.versions`.

        Raises:
            NoVersion: it is not in the store.
            PolicyRefused: it must not be used.
        """
        self.load(version)
        self._pointers.use(self.folder(version))

    def try_out(self, version: str | None) -> None:
        """Let a version be the canary; None ends the trial.

        Raises:
            NoVersion: it is not in the store.
            PolicyRefused: it must not be used.
        """
        if version is None:
            self._pointers.clear("canary")
            return
        self.load(version)
        self._pointers.set("canary", self.folder(version))

    def rollback(self) -> str | None:
        """Let the version decide that did before; returns it, None for the shipped one before anything was named.

        Raises:
            NoVersion: there was none before.
        """
        if self.pointed("current") is not None and self.pointed("previous") is None:
            self._pointers.clear("current")
            return None
        return self._pointers.rollback().name

    def _check_signature(self, manifest: Manifest) -> None:
        key = public_key(self._key)
        if key is None:
            raise PolicyRefused(f"expected the public key of who signs policies at {self._key}, there is none")
        if not is_signed(manifest, key):
            raise PolicyRefused(
                f"expected version {manifest.version} signed for the key {self._key}, "
                + ("it has no signature" if manifest.signature is None else "its signature is not of it")
            )


def _read_manifest(folder: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(_read(folder / MANIFEST, MOST_MANIFEST_BYTES))
    except ValidationError as error:
        raise PolicyRefused(f"expected a readable {MANIFEST} in {folder}: {error.errors()[0]['msg']}") from None


def _check_code(code: bytes, manifest: Manifest) -> None:
    if digest(code) != manifest.code_sha256 or version_of(code) != manifest.version:
        raise PolicyRefused(f"expected the code of version {manifest.version}, was that of {version_of(code)}")


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            found = file.read(most + 1)
    except OSError as error:
        raise PolicyRefused(f"expected {path.name} in {path.parent}: {error.strerror}") from None
    if len(found) > most:
        raise PolicyRefused(f"expected {path} of at most {most} bytes, it is longer")
    return found
