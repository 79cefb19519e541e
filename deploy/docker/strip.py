"""Cuts off the libraries of an environment what no program maps: symbols of debuggers, 20 to 40 MB an image.

    python3 deploy/docker/strip.py FOLDER

As binutils' strip does, which a base image need not have. Who loads a library reads its program headers alone, so that
the file may end where the last of the segments they name does.
"""

import struct
import sys
from pathlib import Path

ELF_64_LITTLE = b"\x7fELF\x02\x01"


def strip(path: Path) -> None:
    """Shorten one library; what is none stays as it is."""
    with path.open("r+b") as file:
        header = file.read(64)
        if not header.startswith(ELF_64_LITTLE):
            return
        (table,) = struct.unpack_from("<Q", header, 32)
        size, count = struct.unpack_from("<HH", header, 54)
        file.seek(table)
        ends = [table + size * count]
        for _ in range(count):
            _, offset, _, _, length = struct.unpack_from("<5Q", file.read(size))
            ends.append(offset + length)
        file.truncate(max(ends))
        file.seek(40)
        file.write(bytes(8))  # sections there are none any more: no table of them,
        file.seek(60)
        file.write(bytes(4))  # none in it, and none with their names


for found in Path(sys.argv[1]).rglob("*.so*"):
    if found.is_file() and not found.is_symlink():
        strip(found)
