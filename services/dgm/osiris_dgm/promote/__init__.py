"""From an accepted version to the one that decides: shadow, canary, current, and back by itself."""
