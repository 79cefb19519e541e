"""Identifiers: UUIDv7 (RFC 9562 section 5.7), so that ids sort by time."""

import os
import socket
from uuid import UUID

import uuid_utils


def new_id() -> str:
    """A new message id."""
    return str(uuid_utils.uuid7())


def new_uuid() -> UUID:
    """A new identifier as a standard-library UUID."""
    return UUID(int=uuid_utils.uuid7().int)


def instance_name(service: str) -> str:
    """A name for one process of `service`: unique in the mesh, readable in a list of consumers."""
    return f"{service}-{socket.gethostname()}-{os.getpid()}-{new_id()[-6:]}"
