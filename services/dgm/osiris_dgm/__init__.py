"""The Darwin-Goedel kernel: the desk improves its own policy, and proves it."""
