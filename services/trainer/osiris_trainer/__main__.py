"""`python -m osiris_trainer`: run the recorder; with `--once`, one night."""

import sys

from osiris_mesh.main import main
from osiris_trainer.app import build
from osiris_trainer.night.command import arguments, once
from osiris_trainer.settings import TrainerSettings

if __name__ == "__main__":
    if arguments(sys.argv[1:]):
        sys.exit(once())
    main(TrainerSettings, build)
