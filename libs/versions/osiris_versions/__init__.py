"""Version folders on disk, and atomic pointers to the one in use."""

from osiris_versions.pointers import CURRENT, PREVIOUS, NoVersion, Pointers

__all__ = ["CURRENT", "PREVIOUS", "NoVersion", "Pointers"]
