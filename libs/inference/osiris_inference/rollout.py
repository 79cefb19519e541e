"""How a published version comes into use: some of the requests first when asked, then all, watched, and back if worse.

The facts lie in one file beside `current`, so that every instance of a service sees them, and whoever is killed at any
point finds a state that holds.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from filelock import FileLock

from osiris_inference.manifest import version_of
from osiris_inference.model_store import ModelStore
from osiris_versions.durable import write_file

ROLLOUT = "rollout.json"

Stage = Literal["canary", "watched", "kept", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Rollout:
    """A version on its way.

    Attributes:
        version: the new one.
        before: the one it is measured by, and that is gone back to.
        folder, before_folder: where they lie.
        stage: canary: it answers `share` of the requests; watched: it is current; kept: it did well enough; withdrawn:
            it did not, or somebody chose another.
        share: of the requests, 0 to 1.
        reason: why it was withdrawn.
    """

    version: str
    before: str
    folder: str
    before_folder: str
    stage: Stage
    share: float
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it is still being measured."""
        return self.stage in ("canary", "watched")


class Rollouts:
    """The rollout of one role; every change is one that a kill leaves undone or done, and a second one repeats."""

    def __init__(self, root: Path, role: str) -> None:
        self._store = ModelStore(root)
        self._role = role
        self._place = root / role

    def read(self) -> Rollout | None:
        """The newest one; None before there was any.

        Raises:
            ValueError: the file is not ours.
        """
        try:
            return Rollout(**json.loads((self._place / ROLLOUT).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (TypeError, ValueError) as error:
            raise ValueError(f"expected {self._place / ROLLOUT} as it was written: {error}; remove it") from error

    def begin(self, folder: Path, serving: Path, share: float) -> Rollout:
        """Let the model in `folder` answer `share` of the requests, or all of them at once when that is 0.

        A version that was begun before is left where it is, withdrawn ones too.

        Args:
            serving: the folder in use, when no pointer says so yet.
        """
        with self._alone():
            now, version = self.read(), version_of(folder)
            if now is not None and now.version == version:
                return now
            current = self._store.current(self._role)
            if current is None:
                self._store.set_current(self._role, serving)  # or there is nothing to go back to
                current = serving.resolve()
            if current == folder.resolve():  # begun by somebody who was killed
                current = self._store.previous(self._role) or current
            begun = Rollout(
                version=version,
                before=version_of(current),
                folder=str(folder.resolve()),
                before_folder=str(current),
                stage="canary" if share else "watched",
                share=share,
            )
            if not share:
                self._store.set_current(self._role, folder)
            return self._write(begun)

    def promote(self, seen: Rollout) -> Rollout | None:
        """Let the canary answer all requests; nothing when it is not `seen` any more."""
        with self._alone():
            if self.read() != seen or seen.stage != "canary":
                return None
            self._store.set_current(self._role, Path(seen.folder))
            return self._write(replace(seen, stage="watched"))

    def keep(self, seen: Rollout) -> Rollout | None:
        """It did well enough: it is measured no more."""
        with self._alone():
            return self._write(replace(seen, stage="kept")) if self.read() == seen else None

    def withdraw(self, seen: Rollout, reason: str) -> Rollout | None:
        """Answer with the version before again."""
        with self._alone():
            if self.read() != seen:
                return None
            if self._store.current(self._role) == Path(seen.folder):
                self._store.set_current(self._role, Path(seen.before_folder))
            return self._write(replace(seen, stage="withdrawn", reason=reason))

    def settle(self) -> Rollout | None:
        """The newest one as the pointer makes it: whoever chose another version has ended it."""
        now = self.read()
        if now is None or not now.is_open:
            return now
        current = self._store.current(self._role)
        with self._alone():
            if self.read() != now:
                return self.read()
            if now.stage == "canary" and current == Path(now.folder):
                return self._write(replace(now, stage="watched"))
            expected = now.before_folder if now.stage == "canary" else now.folder
            if current is None or current != Path(expected):
                return self._write(replace(now, stage="withdrawn", reason="another version was chosen"))
            return now

    def _alone(self) -> FileLock:
        self._place.mkdir(parents=True, exist_ok=True)
        return FileLock(self._place / ".rollout.lock", timeout=30)

    def _write(self, rollout: Rollout) -> Rollout:
        write_file(self._place / ROLLOUT, json.dumps(asdict(rollout), indent=2) + "\n")
        return rollout
