"""Version folders on disk, atomic pointers to the one in use, and how what is on disk stays whole."""

from osiris_versions.pointers import CURRENT, PREVIOUS, NoVersion, Pointers

__all__ = ["CURRENT", "PREVIOUS", "NoVersion", "Pointers"]
