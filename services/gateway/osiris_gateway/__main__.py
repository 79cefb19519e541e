"""`python -m osiris_gateway`: run the HTTP door."""

from osiris_gateway.app import build
from osiris_gateway.settings import GatewaySettings
from osiris_mesh.main import main

if __name__ == "__main__":
    main(GatewaySettings, build)
