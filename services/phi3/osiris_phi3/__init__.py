"""The phi3 service."""
