"""`python -m osiris_trainer`: run the recorder."""

from osiris_mesh.main import main
from osiris_trainer.app import build
from osiris_trainer.settings import TrainerSettings

if __name__ == "__main__":
    main(TrainerSettings, build)
