"""Whether an improvement is one: resampled, deflated by every trial, and asked of a sealed hold-out a limited time."""
