"""`python -m osiris_hermes`: run the critic."""

from osiris_hermes.app import build
from osiris_hermes.settings import HermesSettings

if __name__ == "__main__":
    build(HermesSettings()).run()
