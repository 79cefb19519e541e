"""`python -m osiris_trainer`: run the recorder; with `--once`, one night."""

import sys

from osiris_mesh.main import main
from osiris_trainer.app import build
from osiris_trainer.arguments import night_asked
from osiris_trainer.settings import TrainerSettings

if __name__ == "__main__":
    if night_asked(sys.argv[1:]):
        from osiris_trainer.night.command import once  # the recorder needs neither its libraries nor their second

        sys.exit(once())
    main(TrainerSettings, build)
