"""The critic: answers in plain English, piece by piece."""
