"""Versions of the policy: what is signed and untouched is used, anything else is refused."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.support.policies import manifest_of, put, variant

from osiris_desk.policy import Features, Intent, Limits
from osiris_desk.policy.loading import MOST_CODE_BYTES, PolicyRefused, load
from osiris_desk.policy.manifest import Manifest, digest, version_of
from osiris_desk.policy.shipped import ADVISED, NAMES, code_of, shipped
from osiris_desk.policy.signing import KeyUnusable, is_signed, private_key, public_key, sign
from osiris_desk.policy.store import PolicyStore
from osiris_versions import NoVersion

BETTER = variant("ENTRY = 1.0", "ENTRY = 0.9")


@pytest.fixture
def key(tmp_path: Path) -> Ed25519PrivateKey:
    return private_key(tmp_path / "keys" / "policy")


@pytest.fixture
def store(tmp_path: Path) -> PolicyStore:
    return PolicyStore(tmp_path / "policies", tmp_path / "keys" / "policy.pub")


# --- versions


@pytest.mark.parametrize("name", NAMES)
def test_a_version_is_named_by_its_code(name: str) -> None:
    assert shipped(name).version == version_of(code_of(name)) == digest(code_of(name))[:16]


def test_until_the_store_points_to_another_the_shipped_policy_decides(store: PolicyStore) -> None:
    assert store.current().version == shipped(ADVISED).version
    assert store.canary() is None
    assert store.versions() == []


def test_a_signed_version_is_used_and_rolled_back(store: PolicyStore, key: Ed25519PrivateKey) -> None:
    first, second = put(store, BETTER, key), put(store, variant("SIZE = 0.5", "SIZE = 0.4"), key)
    for version in (first, second):
        store.use(version)
        assert store.current().version == version
    assert store.rollback() == first == store.current().version
    assert store.versions() == sorted([first, second])
    store.try_out(second)
    canary = store.canary()
    assert canary is not None and canary.version == second
    store.try_out(None)
    assert store.canary() is None


def test_before_the_first_version_there_was_the_shipped_one(store: PolicyStore, key: Ed25519PrivateKey) -> None:
    with pytest.raises(NoVersion, match="there was none"):
        store.rollback()
    store.use(put(store, BETTER, key))
    assert store.rollback() is None
    assert store.current().version == shipped().version


def test_a_shipped_policy_needs_no_signature(store: PolicyStore) -> None:
    store.use(put(store, code_of("trend")))
    assert store.current().version == shipped("trend").version


def test_the_same_code_is_the_same_version_and_stays_as_it_was_made(store: PolicyStore, key: Ed25519PrivateKey) -> None:
    version = put(store, BETTER, key)
    assert put(store, BETTER) == version
    assert store.manifest(version).signature is not None


# --- what is refused


def test_unsigned_is_refused(store: PolicyStore, key: Ed25519PrivateKey) -> None:
    version = put(store, BETTER)
    for use in (store.load, store.use, store.try_out):
        with pytest.raises(PolicyRefused, match="it has no signature"):
            use(version)
    assert store.current().version == shipped().version


def test_a_signature_of_somebody_else_is_refused(store: PolicyStore, key: Ed25519PrivateKey) -> None:
    version = put(store, BETTER, Ed25519PrivateKey.generate())
    with pytest.raises(PolicyRefused, match="its signature is not of it"):
        store.load(version)


def test_without_a_key_nothing_but_shipped_code_is_trusted(tmp_path: Path) -> None:
    store = PolicyStore(tmp_path / "policies", tmp_path / "none.pub")
    version = put(store, BETTER, Ed25519PrivateKey.generate())
    with pytest.raises(PolicyRefused, match=r"expected the public key .* there is none"):
        store.load(version)


def test_touched_code_is_refused(store: PolicyStore, key: Ed25519PrivateKey) -> None:
    version = put(store, BETTER, key)
    path = store.folder(version) / "policy.py"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(PolicyRefused, match=f"expected the code of version {version}"):
        store.load(version)


def test_a_touched_manifest_is_refused(store: PolicyStore, key: Ed25519PrivateKey) -> None:
    version = put(store, BETTER, key)
    better = store.manifest(version).model_copy(update={"scores": {"sharpe": 9.0}})
    (store.folder(version) / "manifest.json").write_text(better.to_json())
    with pytest.raises(PolicyRefused, match="its signature is not of it"):
        store.load(version)


def test_a_version_under_another_name_is_refused(store: PolicyStore, key: Ed25519PrivateKey) -> None:
    folder = store.folder(put(store, BETTER, key))
    folder.rename(folder.with_name("0" * 16))
    with pytest.raises(PolicyRefused, match="its manifest is of"):
        store.load("0" * 16)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": "x"}'])
def test_what_is_no_manifest_is_refused(store: PolicyStore, key: Ed25519PrivateKey, text: str) -> None:
    version = put(store, BETTER, key)
    (store.folder(version) / "manifest.json").write_text(text)
    with pytest.raises(PolicyRefused, match=r"expected a readable manifest\.json"):
        store.load(version)


def test_a_version_that_is_gone_is_no_other(store: PolicyStore, key: Ed25519PrivateKey) -> None:
    version = put(store, BETTER, key)
    store.use(version)
    (store.folder(version) / "manifest.json").unlink()
    with pytest.raises(NoVersion, match=f"got {version}"):
        store.current()


@pytest.mark.parametrize("version", ["..", "../keys", "/etc", "current"])
def test_a_version_is_no_path(store: PolicyStore, version: str) -> None:
    with pytest.raises(NoVersion):
        store.load(version)


def test_a_manifest_of_other_code_is_not_added(store: PolicyStore) -> None:
    with pytest.raises(PolicyRefused, match="expected the code of version"):
        store.add(BETTER, manifest_of(code_of("trend")))
    assert store.versions() == []


# --- code


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        (b"x = (", "SyntaxError"),
        (b"\xff", "UnicodeDecodeError"),
        (b"1 / 0", "ZeroDivisionError"),
        (b"GATE = 1", "expected policy.py to define the function prompt, entry, exit"),
        (variant("def size", "def sise"), "expected policy.py to define the function size"),
        (variant(", intent: Intent, asked: str | None", ""), r"to define critique\(features, intent, asked\)"),
        (variant("GATE = Limits()", "GATE = None"), "expected policy.py to define GATE as Limits, was NoneType"),
        (variant("Limits()", "Limits(0.0)"), "expected max_position_size_pct of GATE above 0 and at most 100"),
        (variant("Limits()", "Limits(1.0, float('nan'))"), "expected max_daily_loss_pct of GATE"),
        (b"#" * (MOST_CODE_BYTES + 1), "expected a policy.py of at most"),
    ],
)
def test_what_is_no_policy_is_refused(code: bytes, complaint: str) -> None:
    with pytest.raises(PolicyRefused, match=complaint):
        load(code, "0" * 16)


def test_a_version_of_before_critics_were_told_what_phi3_was_asked_stays_in_use() -> None:
    now = ', asked: str | None) -> str | None:\n    """Nobody is asked."""\n    return None'
    policy = load(variant(now, ") -> str | None:\n    return intent.reason"), "0" * 16).policy
    intent = Intent("pass", None, 0.5, None, None, "It is calm.")
    assert policy.critique(Features("SPY", *[1.0] * 19), intent, "What now?") == "It is calm."


def test_limits_are_read_from_the_code() -> None:
    assert load(variant("Limits()", "Limits(0.5)"), "0" * 16).policy.limits == Limits(0.5, 100.0)


# --- keys


def test_a_key_is_made_once_and_its_secret_is_nobodys_else(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "policy"
    made, found = private_key(path), private_key(path)
    assert made.private_bytes_raw() == found.private_bytes_raw()
    assert path.stat().st_mode & 0o077 == 0
    assert sorted(each.name for each in path.parent.iterdir()) == ["policy", "policy.pub"]
    public = public_key(tmp_path / "keys" / "policy.pub")
    assert public is not None
    manifest = manifest_of(BETTER)
    assert is_signed(sign(manifest, made), public)
    assert not is_signed(manifest, public)
    assert not is_signed(manifest.model_copy(update={"signature": "no base64"}), public)


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("a secret")
    for read in (private_key, public_key):
        with pytest.raises(KeyUnusable, match="expected an Ed25519"):
            read(path)
    assert public_key(tmp_path / "none") is None


def test_a_manifest_goes_to_json_and_back(key: Ed25519PrivateKey) -> None:
    manifest = manifest_of(BETTER, key)
    assert Manifest.model_validate_json(manifest.to_json()) == manifest
