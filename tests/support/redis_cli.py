"""`redis-cli COMMAND…`, for machines that have none: sends its arguments as they are."""

import os
import sys

from redis import Redis

with Redis.from_url(os.environ["OSIRIS_REDIS_URL"], socket_timeout=None) as redis:
    print(redis.execute_command(*sys.argv[1:]))
