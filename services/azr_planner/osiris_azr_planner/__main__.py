"""`python -m osiris_azr_planner`: run the planner."""

from osiris_azr_planner.app import build
from osiris_azr_planner.settings import PlannerSettings
from osiris_mesh.main import main

if __name__ == "__main__":
    main(PlannerSettings, build)
