"""`python -m osiris_dgm`: run the kernel. `--once`: one generation for the traces that wait; without any, nothing."""

import argparse
import sys

from osiris_dgm.settings import DgmSettings
from osiris_mesh.main import main


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="osiris_dgm", description="The Darwin-Goedel kernel.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--once", action="store_true", help="one generation for the traces that wait, then end")
    what.add_argument("--tree", action="store_true", help="show who came from whom")
    what.add_argument("--rollback", action="store_true", help="let the version before decide again")
    return parser.parse_args()


if __name__ == "__main__":
    chosen = _arguments()
    if chosen.once or chosen.tree or chosen.rollback:
        from osiris_dgm import commands

        command = commands.once if chosen.once else commands.tree if chosen.tree else commands.rollback
        sys.exit(commands.run(command))
    from osiris_dgm.app import build

    main(DgmSettings, build)
