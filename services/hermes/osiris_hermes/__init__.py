"""The hermes service."""
