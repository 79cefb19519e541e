"""The night: the owner's corrections become a better phi3 by morning, or provably do not."""
