"""Versions on disk, and which one a role uses."""

from pathlib import Path

import pytest

from osiris_inference.model_store import ModelNotFound, ModelStore


def version(root: Path, role: str, name: str) -> Path:
    folder = root / role / name
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    return folder


def test_a_role_uses_the_version_it_was_given(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    assert store.current("phi3") is None
    first, second = version(tmp_path, "phi3", "v1"), version(tmp_path, "phi3", "v2")
    for folder in (first, second, first):
        store.set_current("phi3", folder)
        assert store.current("phi3") == folder
        assert store.resolve("phi3") == folder
    assert store.versions("phi3") == [first, second]
    assert store.current("hermes") is None


def test_a_rollback_goes_to_the_version_before_and_back_again(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    first, second = version(tmp_path, "phi3", "v1"), version(tmp_path, "phi3", "v2")
    store.set_current("phi3", first)
    with pytest.raises(ModelNotFound, match="there was none"):
        store.rollback("phi3")
    store.set_current("phi3", second)
    store.set_current("phi3", second)  # the same again changes nothing
    assert [store.rollback("phi3"), store.rollback("phi3")] == [first, second]
    assert store.versions("phi3") == [first, second]


def test_a_version_is_found_by_its_name(tmp_path: Path) -> None:
    folder = version(tmp_path, "phi3", "v1")
    assert ModelStore(tmp_path).find("phi3", "v1") == folder
    with pytest.raises(ModelNotFound, match=r"expected a version of phi3 \(v1\), got v2"):
        ModelStore(tmp_path).find("phi3", "v2")


def test_a_symbolic_link_is_a_pointer_too(tmp_path: Path) -> None:
    folder = version(tmp_path, "phi3", "v1")
    (tmp_path / "phi3" / "current").symlink_to("v1")
    assert ModelStore(tmp_path).current("phi3") == folder
    assert ModelStore(tmp_path).versions("phi3") == [folder]


def test_a_version_that_is_gone_is_an_error_not_another_model(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    with pytest.raises(ModelNotFound, match="there is none"):
        store.set_current("phi3", tmp_path / "phi3" / "v9")
    folder = version(tmp_path, "phi3", "v1")
    store.set_current("phi3", folder)
    (folder / "manifest.json").unlink()
    folder.rmdir()
    with pytest.raises(ModelNotFound, match="it is gone"):
        store.resolve("phi3")


def test_a_role_without_a_version_gets_the_embedded_model(models_root: Path) -> None:
    store = ModelStore(models_root)
    assert store.resolve("phi3") == store.embedded()
    assert store.embedded() in store.versions("hermes")
