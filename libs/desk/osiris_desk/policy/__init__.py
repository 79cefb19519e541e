"""The policy: what decides at a run of the desk, within the owner's rules."""

from osiris_desk.policy.interface import Assembled, Features, Intent, Limits, Parts, Policy, Side

__all__ = ["Assembled", "Features", "Intent", "Limits", "Parts", "Policy", "Side"]
