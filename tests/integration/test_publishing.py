"""A publisher that is killed -9 leaves a version whole, or not there."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from osiris_inference.manifest import GRAPH, Manifest, require_whole
from osiris_inference.model_store import ModelStore
from osiris_trainer.night.publish import install

PUBLISH = """
import sys
from pathlib import Path
from osiris_trainer.night.publish import install
print("ready", flush=True)
for staged in sys.argv[2:]:
    install(Path(staged), Path(sys.argv[1]), "phi3")
"""


def staged(folder: Path, version: str, megabytes: int = 8) -> Path:
    folder /= version
    folder.mkdir(parents=True)
    (folder / GRAPH).write_bytes(random.Random(version).randbytes(1000))
    (folder / f"{GRAPH}.data").write_bytes(version.encode() * (megabytes * 2**20 // len(version)))
    Manifest(version, "a test", "none", "q8", 64, (0,), {"base": "v0"}).write(folder)
    return folder


def test_killed_at_any_moment_only_whole_versions_are_there(tmp_path: Path) -> None:
    versions = [staged(tmp_path / "staged", f"v{number}") for number in range(8)]
    chance, store = random.Random(3), ModelStore(tmp_path / "models")
    seen = set()
    for _ in range(5):
        argv = [sys.executable, "-c", PUBLISH, str(tmp_path / "models"), *map(str, versions)]
        child = subprocess.Popen(argv, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(chance.uniform(0, 0.15))
        child.kill()
        child.wait()
        child.stdout.close()
        found = store.versions("phi3")
        seen.add(len(found))
        for folder in found:
            require_whole(folder)
    for each in versions:
        install(each, tmp_path / "models", "phi3")
    assert [folder.name for folder in store.versions("phi3")] == [f"v{number}" for number in range(8)]
    assert not list((tmp_path / "models" / "phi3").glob(".draft-*"))
    assert len(seen) > 1  # or nobody was killed on the way


def test_a_second_time_changes_nothing_and_another_of_the_name_is_refused(tmp_path: Path) -> None:
    one = staged(tmp_path / "one", "v1")
    folder = install(one, tmp_path, "phi3")
    assert install(one, tmp_path, "phi3") == folder
    assert Manifest.read(folder).lineage == {"base": "v0"}
    other = staged(tmp_path / "other", "v1", megabytes=1)
    with pytest.raises(ValueError, match="expected no other model"):
        install(other, tmp_path, "phi3")
    (folder / f"{GRAPH}.data").write_bytes(b"cut")
    with pytest.raises(ValueError, match="to be whole, or not there"):
        install(one, tmp_path, "phi3")
