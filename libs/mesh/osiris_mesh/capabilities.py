"""What this Redis can that an older one, or Valkey, cannot. Asked each time: a server may be upgraded under us."""

from osiris_mesh.connection import Client


async def trims_acknowledged(redis: Client) -> bool:
    """Whether XTRIM takes ACKED, which came together with XACKDEL (Redis 8.2)."""
    (command,) = await redis.execute_command("COMMAND INFO", "XACKDEL")
    return command is not None
