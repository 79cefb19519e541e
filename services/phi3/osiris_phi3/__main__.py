"""`python -m osiris_phi3`: run the proposer."""

from osiris_phi3.app import build
from osiris_phi3.settings import Phi3Settings

if __name__ == "__main__":
    build(Phi3Settings()).run()
