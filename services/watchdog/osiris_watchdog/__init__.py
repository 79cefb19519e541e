"""Watches memory, and has a service that grows past its limit restarted."""
