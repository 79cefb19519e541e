"""Which policy decides: what the store points to, as far as it may be trusted."""

from typing import NamedTuple

import structlog

from osiris_desk.policy.loading import LoadedPolicy, PolicyRefused
from osiris_desk.policy.shipped import shipped
from osiris_desk.policy.signing import KeyUnusable
from osiris_desk.policy.store import PolicyStore
from osiris_versions import NoVersion

_log = structlog.get_logger(__name__)


class InUse(NamedTuple):
    """What decides, and what decides one run in ten instead."""

    policy: LoadedPolicy
    canary: LoadedPolicy | None


def in_use(store: PolicyStore, now: InUse | None = None) -> InUse:
    """What the store points to. In place of what must not be used `now` stays, or else the shipped policy decides."""
    try:
        policy = store.current()
    except (NoVersion, PolicyRefused, KeyUnusable) as refusal:
        policy = now.policy if now else shipped()
        _log.error("policy refused", reason=str(refusal), in_use=policy.version)
    try:
        canary = store.canary()
    except (NoVersion, PolicyRefused, KeyUnusable) as refusal:
        canary = now.canary if now else None
        _log.error("canary refused", reason=str(refusal), in_use=canary.version if canary else None)
    return InUse(policy, canary)
