"""`python -m osiris_phi3`: run the proposer."""

from osiris_mesh.main import main
from osiris_phi3.app import build
from osiris_phi3.settings import Phi3Settings

if __name__ == "__main__":
    main(Phi3Settings, build)
