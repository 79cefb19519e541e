"""Whether a request was meant for this machine: a web page may name a host of its own whose address is ours."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, is this machine to itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_of_this_machine(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the Host header is this machine's, or missing, as no browser leaves it."""
    return all(_is_ours(value) for name, value in headers if name == b"host")


@lru_cache(maxsize=64)
def _is_ours(value: bytes) -> bool:
    host = value.decode("latin-1").lower()
    return is_loopback(host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0])
