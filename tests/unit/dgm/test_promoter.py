"""From an accepted version to the one that decides, and back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from osiris_contracts import PatchTask
from osiris_desk.policy.loading import PolicyRefused
from osiris_desk.policy.manifest import version_of
from osiris_desk.policy.shipped import code_of, shipped
from osiris_desk.policy.signing import private_key
from osiris_desk.policy.store import PolicyStore
from osiris_dgm.archive.archive import Archive
from osiris_dgm.archive.record import Record
from osiris_dgm.promote.comparing import is_worse
from osiris_dgm.promote.promoter import Promoter, Terms
from osiris_versions import NoVersion

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TERMS = Terms(canary_runs=20, watch_runs=40)


class Place:
    """A kernel's folders, with versions that were accepted."""

    def __init__(self, folder: Path, count: int = 1) -> None:
        self.folder = folder
        self.key = folder / "keys" / "policy"
        self.archive = Archive(folder / "archive")
        self.versions = [self.accepted(n) for n in range(count)]
        self.store = PolicyStore(folder / "policies", folder / "keys" / "policy.pub")

    def accepted(self, number: int) -> str:
        code = code_of("trend").replace(b"EXIT = 0.0", f"EXIT = 0.{number + 1}".encode())
        record = Record(
            number=len(self.archive),
            version=version_of(code),
            parents=(shipped("trend").version,),
            task=PatchTask(part="exit", kind="constant"),
            made_by="test",
            score=0.1 * number,
        )
        self.archive.add(code, record)
        return record.version

    def promoter(self, **options: object) -> Promoter:
        return Promoter(
            self.folder / "promotion.json",
            self.store,
            self.archive,
            key=lambda: private_key(self.key),
            terms=TERMS,
            **options,  # type: ignore[arg-type]
        )


def runs(version: str, values: list[float], start: int = 0) -> list[tuple[str, str, float]]:
    return [(version, str(start + n), value) for n, value in enumerate(values)]


def noise(mean: float, count: int, seed: int = 0) -> list[float]:
    return np.random.default_rng(seed).normal(mean, 0.01, count).tolist()


def test_all_the_way_up(tmp_path: Path) -> None:
    place = Place(tmp_path, count=2)
    best = place.versions[1]
    promoter = place.promoter()
    assert promoter.begin(NOW)
    assert (promoter.state.stage, promoter.state.version) == ("shadow", best)
    assert place.store.pointed("canary") is None
    promoter.passed_shadow(NOW)
    assert place.store.pointed("canary") == best
    assert place.store.canary().version == best  # type: ignore[union-attr]
    promoter.reward(runs(shipped().version, noise(0, 40)) + runs(best, noise(0.01, 20)), NOW)
    assert place.store.pointed("current") == best
    assert place.store.pointed("canary") is None
    assert [(change.stage, change.version) for change in promoter.state.untold] == [("canary", best), ("current", best)]
    promoter.told()
    promoter.reward(runs(best, noise(0.01, 40), start=20), NOW)
    assert (promoter.state.stage, promoter.state.untold) == ("idle", ())
    assert (promoter.state.promoted, promoter.state.rolled_back) == (1, 0)
    assert place.store.current().version == best
    promoter.undo(NOW)
    assert (promoter.state.promoted, promoter.state.rolled_back, promoter.state.rollbacks) == (1, 1, 0)


def test_a_canary_that_earns_less_goes_back_by_itself(tmp_path: Path) -> None:
    place = Place(tmp_path)
    promoter = place.promoter()
    promoter.begin(NOW)
    promoter.passed_shadow(NOW)
    promoter.reward(runs(shipped().version, noise(0, 40)) + runs(place.versions[0], noise(-0.02, 20)), NOW)
    assert promoter.state.stage == "idle"
    assert (place.store.pointed("canary"), place.store.pointed("current")) == (None, None)
    assert "below its parent" in promoter.state.untold[-1].reason
    assert not promoter.begin(NOW + timedelta(days=1)), "it has had its go"


def test_a_current_version_that_raises_goes_back_at_once(tmp_path: Path) -> None:
    place = Place(tmp_path)
    promoter = place.promoter()
    promoter.begin(NOW)
    promoter.passed_shadow(NOW)
    promoter.reward(runs(place.versions[0], noise(0, 20)), NOW)
    assert place.store.pointed("current") == place.versions[0]
    promoter.fail("0" * 16, "another one's", NOW)
    assert place.store.pointed("current") == place.versions[0]
    promoter.fail(place.versions[0], "policy: ZeroDivisionError", NOW)
    assert place.store.current().version == shipped().version
    assert promoter.state.untold[-1].version == shipped().version


def test_one_an_hour_and_longer_after_four_rollbacks_in_a_row(tmp_path: Path) -> None:
    place, now = Place(tmp_path, count=6), NOW
    waits = []
    for _ in range(5):
        promoter = place.promoter()
        assert promoter.begin(now)
        promoter.passed_shadow(now)
        promoter.roll_back("test", now)
        assert not promoter.begin(now + timedelta(minutes=59))
        waits.append(promoter.free_at() - now)
        now = promoter.free_at()
    assert [wait / timedelta(hours=1) for wait in waits] == [1, 1, 1, 2, 4]


def test_what_was_touched_after_it_was_signed_does_not_decide(tmp_path: Path) -> None:
    place = Place(tmp_path)
    promoter = place.promoter()
    promoter.begin(NOW)
    manifest = place.store.folder(place.versions[0]) / "manifest.json"
    manifest.write_text(manifest.read_text().replace("osiris_dgm/test", "somebody else"))
    with pytest.raises(PolicyRefused, match="signature"):
        promoter.passed_shadow(NOW)
    assert place.store.pointed("canary") is None


def test_the_owner_may_go_back_at_any_time(tmp_path: Path) -> None:
    place = Place(tmp_path)
    promoter = place.promoter()
    with pytest.raises(NoVersion):
        promoter.undo(NOW)
    promoter.begin(NOW)
    promoter.passed_shadow(NOW)
    promoter.undo(NOW)
    assert (promoter.state.stage, place.store.pointed("canary")) == ("idle", None)


def test_noise_is_not_worse_and_a_loss_is() -> None:
    assert not is_worse(noise(0, 50, 1), noise(0, 50, 2))
    assert not is_worse(noise(-1, 19), noise(0, 50)), "too few to tell"
    assert is_worse(noise(-0.01, 50, 1), noise(0, 50, 2))
    assert not is_worse(noise(0.01, 50, 1), noise(0, 50, 2))


class Killed(BaseException):
    pass


@pytest.mark.parametrize("kill_at", range(1, 40))
def test_killed_at_any_step_it_ends_where_it_would_have(tmp_path: Path, kill_at: int) -> None:
    """The steps of a whole promotion and its rollback; the process dies at one, and a new one goes on."""
    place, left = Place(tmp_path), kill_at

    def step(name: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed(name)

    def live(promoter: Promoter) -> None:
        version = place.versions[0]
        if promoter.state.stage == "idle" and not promoter.state.settled:
            promoter.begin(NOW)
        if promoter.state.stage == "shadow":
            promoter.passed_shadow(NOW)
        if promoter.state.stage == "canary":
            promoter.reward(runs(shipped().version, noise(0, 40)) + runs(version, noise(0, 20)), NOW)
        if promoter.state.stage == "watch":
            promoter.reward(runs(version, noise(-0.05, 30), start=20), NOW)

    killed = False
    try:
        live(place.promoter(step=step))
    except Killed:
        killed = True
        live(place.promoter())
    promoter = place.promoter()
    assert promoter.state.stage == "idle"
    assert promoter.state.settled == (place.versions[0],)
    assert (promoter.state.promoted, promoter.state.rolled_back, promoter.state.rollbacks) == (1, 1, 1)
    assert place.store.current().version == shipped().version
    assert place.store.pointed("canary") is None
    assert [change.stage for change in promoter.state.untold] == ["canary", "current", "current"]
    assert killed or kill_at > 9
