"""`python -m osiris_hermes`: run the critic."""

from osiris_hermes.app import build
from osiris_hermes.settings import HermesSettings
from osiris_mesh.main import main

if __name__ == "__main__":
    main(HermesSettings, build)
