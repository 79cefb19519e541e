"""`python -m osiris_contracts docs/schemas`: export the JSON Schemas."""

import sys
from pathlib import Path

from osiris_contracts.schemas import export

if len(sys.argv) != 2:
    sys.exit("usage: python -m osiris_contracts FOLDER")
print(f"{len(export(Path(sys.argv[1])))} schemas in {sys.argv[1]}")
