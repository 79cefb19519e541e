"""Takes one accepted version at a time through its stages. No Redis; the clock is passed in.

Every change is made in the store first, then written to the state, then told: killed in between, it is made again,
which changes nothing, or told again under the same id.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, Field

from osiris_contracts import PolicyVersion
from osiris_desk.policy.manifest import Manifest, digest
from osiris_desk.policy.shipped import shipped
from osiris_desk.policy.signing import sign
from osiris_desk.policy.store import PolicyStore
from osiris_dgm.archive.archive import Archive
from osiris_dgm.archive.files import read_model
from osiris_dgm.promote.comparing import LEAST, is_worse
from osiris_dgm.promote.state import KEPT, Stage, State
from osiris_versions import NoVersion
from osiris_versions.durable import write_file


class Terms(BaseModel):
    """How careful a promotion is."""

    every: timedelta = Field(default=timedelta(hours=1), description="Between two promotions, at least.")
    canary_runs: int = Field(default=50, ge=LEAST, description="Live rewards of a canary before it is current.")
    watch_runs: int = Field(default=200, ge=LEAST, description="Live rewards of a current one before it is trusted.")
    patience: int = Field(default=4, ge=1, description="Rollbacks in a row before the kernel backs off.")


class Promoter:
    """The way up, and the way back.

    Args:
        path: of the state.
        store: the desk's policies.
        archive: where accepted versions come from.
        key: signs manifests; called when one is first needed.
        terms: how careful.
        step: told before each step that leaves a trace; tests end the process there.
    """

    def __init__(
        self,
        path: Path,
        store: PolicyStore,
        archive: Archive,
        *,
        key: Callable[[], Ed25519PrivateKey],
        terms: Terms | None = None,
        step: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._path = path
        self._store = store
        self._archive = archive
        self._key = key
        self._terms = terms or Terms()
        self._step = step
        self.state = State()
        self.refresh()

    def refresh(self) -> None:
        """Read the state again: `osiris dgm rollback` writes it as well."""
        self.state = read_model(self._path, State) or State()

    # --- what the kernel asks -----------------------------------------------------------------------------------

    def begin(self, now: datetime) -> bool:
        """Let the best accepted version that has not had its go decide in the shadow; whether there was one."""
        state = self.state
        if state.stage != "idle" or now < self.free_at():
            return False
        waiting = [
            record
            for record in self._archive.records()
            if record.accepted and record.task and record.version not in state.settled
        ]
        if not waiting:
            return False
        best = max(waiting, key=lambda record: record.score or 0.0)
        code = self._archive.code(best.version)
        proof = best.proof
        manifest = Manifest(
            version=best.version,
            code_sha256=digest(code),
            data_sha256=proof.bars_sha256 if proof else None,
            parents=best.parents,
            scores=_scores(proof),
            made_by=f"osiris_dgm/{best.made_by}",
            made_at=now,
        )
        self._step("sign")
        self._store.add(code, sign(manifest, self._key()))
        self._enter("shadow", now, version=best.version, parent=self.current())
        return True

    def free_at(self) -> datetime:
        """When the next promotion may begin: one an hour, and later after rollbacks in a row."""
        last = self.state.promoted_at
        if last is None:
            return datetime.min.replace(tzinfo=UTC)
        beyond = self.state.rollbacks - self._terms.patience + 1
        return last + self._terms.every * (2 ** min(beyond, 6) if beyond > 0 else 1)

    def passed_shadow(self, now: datetime) -> None:
        """It decided beside the current one without harm: let it decide one live run in ten."""
        if self.state.stage != "shadow" or self.state.version is None:
            return
        self._step("canary")
        self._store.try_out(self.state.version)
        self._enter("canary", now, "canary", "passed the shadow", promoted_at=now)

    def reward(self, runs: Iterable[tuple[str, str, float]], now: datetime) -> None:
        """Count live rewards, and act on them.

        Args:
            runs: version, run and return in percent of NAV of each; one told twice counts once.
        """
        rewards = {version: dict(by_run) for version, by_run in self.state.rewards.items()}
        for version, run, value in runs:
            rewards.setdefault(version, {})[run] = value
        kept = {self.state.version, self.state.parent, self.current()}
        rewards = {
            version: dict(list(by_run.items())[-KEPT:]) for version, by_run in rewards.items() if version in kept
        }
        self._write(self.state.model_copy(update={"rewards": rewards}))
        self._act(now)

    def fail(self, version: str, why: str, now: datetime) -> None:
        """The version on its way raised an exception: back at once."""
        if version == self.state.version and self.state.stage != "idle":
            self.roll_back(f"failed: {why}"[:400], now)

    def roll_back(self, why: str, now: datetime) -> None:
        """End the promotion under way and let its parent decide; done twice, it is done once."""
        state = self.state
        if state.version is None:
            return
        self._step("roll back")
        was_live = state.stage in ("canary", "watch")
        if self._store.pointed("canary") == state.version:
            self._store.try_out(None)
        if self._store.pointed("current") == state.version:
            self._store.rollback()
        told = (self._told("current", f"rolled back {state.version}: {why}", now),) if was_live else ()
        self._settle(now, told, rollbacks=state.rollbacks + 1, rolled_back=state.rolled_back + 1)

    def undo(self, now: datetime) -> None:
        """What the owner asks for: end the promotion under way, else let the version before decide.

        Raises:
            NoVersion: there is none before.
        """
        if self.state.stage != "idle":
            self.roll_back("the owner asked for it", now)
            return
        was = self.current()
        if self._store.pointed("current") is None:
            raise NoVersion("expected a version that was promoted, the shipped one decides")
        self._store.rollback()
        self._write(
            self.state.model_copy(
                update={
                    "rolled_back": self.state.rolled_back + 1,
                    "untold": (
                        *self.state.untold,
                        self._told("current", f"rolled back {was}: the owner asked for it", now),
                    ),
                }
            )
        )

    def told(self) -> None:
        """Everybody was told of the changes so far."""
        if self.state.untold:
            self._write(self.state.model_copy(update={"untold": ()}))

    # --- how it goes on -----------------------------------------------------------------------------------------

    def _act(self, now: datetime) -> None:
        state = self.state
        if state.stage not in ("canary", "watch") or state.version is None:
            return
        mine = state.rewards.get(state.version, {}).values()
        theirs = state.rewards.get(state.parent or "", {}).values()
        if is_worse(mine, theirs):
            self.roll_back("its live reward is below its parent's at 95 % confidence", now)
        elif state.stage == "canary" and len(mine) >= self._terms.canary_runs:
            self._step("current")
            if self._store.pointed("current") != state.version:
                self._store.use(state.version)
            self._store.try_out(None)
            self._enter("watch", now, "current", "its canary held", promoted=state.promoted + 1)
        elif state.stage == "watch" and len(mine) >= self._terms.watch_runs:
            self._settle(now, rollbacks=0)

    def current(self) -> str:
        """The version that decides."""
        return self._store.pointed("current") or shipped().version

    def _enter(self, stage: Stage, now: datetime, told: str | None = None, reason: str = "", **changes: object) -> None:
        untold = self.state.untold
        if told == "canary":
            untold = (*untold, self._told("canary", reason, now))
        elif told == "current":
            untold = (*untold, self._told("current", reason, now))
        self._write(self.state.model_copy(update={"stage": stage, "since": now, "untold": untold, **changes}))

    def _settle(self, now: datetime, told: tuple[PolicyVersion, ...] = (), **changes: object) -> None:
        state = self.state
        self._write(
            state.model_copy(
                update={
                    "stage": "idle",
                    "version": None,
                    "parent": None,
                    "since": now,
                    "settled": (*state.settled, *((state.version,) if state.version else ())),
                    "untold": (*state.untold, *told),
                    **changes,
                }
            )
        )

    def _told(self, stage: str, reason: str, now: datetime) -> PolicyVersion:
        version = self.state.version if stage == "canary" else self.current()
        return PolicyVersion.model_validate({"version": version, "stage": stage, "reason": reason, "changed_at": now})

    def _write(self, state: State) -> None:
        self._step("state")
        write_file(self._path, state.model_dump_json(indent=2))
        self.state = state


def _scores(proof: BaseModel | None) -> dict[str, float]:
    facts = proof.model_dump() if proof else {}
    return {name: float(value) for name, value in facts.items() if isinstance(value, int | float)}
