"""Whether the service in this container can work: exit code 0 when its /readyz says so."""

import http.client
import os
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["OSIRIS_PORT"]), timeout=4)
try:
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    print(answer.read(500).decode(errors="replace").strip())  # shown by `docker inspect`
    sys.exit(answer.status != http.client.OK)
except OSError as error:
    sys.exit(f"expected an answer on port {connection.port}, there was none: {error}")
