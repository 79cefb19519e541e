"""Writes `.env.template` from the settings classes: `python tools/env_template.py > .env.template`."""

from importlib import import_module

from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from osiris_mesh import MeshSettings

CLASSES = {
    "the osiris command": "osiris_cli.settings:CliSettings",
    "gateway": "osiris_gateway.settings:GatewaySettings",
    "phi3": "osiris_phi3.settings:Phi3Settings",
    "hermes": "osiris_hermes.settings:HermesSettings",
    "sim": "osiris_sim.settings:SimSettings",
    "orchestrator": "osiris_orchestrator.settings:OrchestratorSettings",
    "tts": "osiris_tts.settings:TtsSettings",
    "azr_planner": "osiris_azr_planner.settings:PlannerSettings",
    "dgm": "osiris_dgm.settings:DgmSettings",
    "trainer": "osiris_trainer.settings:TrainerSettings",
    "watchdog": "osiris_watchdog.settings:WatchdogSettings",
    "the night": "osiris_trainer.night.settings:NightSettings",
}
HEADER = """\
# Every setting with its default. Copy to .env and change what you need; the environment wins over .env.
# Made by `make env`; do not edit.
"""


def variable(settings: type[BaseSettings], name: str) -> str:
    """The environment variable that sets a field."""
    alias = settings.model_fields[name].validation_alias
    prefix = settings.model_config.get("env_prefix", "")
    return str(alias.choices[0]) if alias is not None else f"{prefix}{name.upper()}"  # type: ignore[union-attr]


def section(settings: type[BaseSettings], seen: set[str]) -> list[str]:
    """The lines of one class, without what an earlier section said."""
    lines = []
    for name, field in settings.model_fields.items():
        if (key := variable(settings, name)) in seen:
            continue
        seen.add(key)
        default = "" if field.default in (None, PydanticUndefined) else field.default
        lines += [f"# {field.description}", f"#{key}={default}"]
    return lines


def render() -> str:
    """The whole file."""
    # each service has a probe address of its own; the base class only lends the names
    seen = {"OSIRIS_PROBE_HOST", "OSIRIS_PROBE_PORT"}
    blocks = [HEADER, "# --- every service", *section(MeshSettings, seen)]
    for title, path in CLASSES.items():
        module, _, name = path.partition(":")
        blocks += ["", f"# --- {title}", *section(getattr(import_module(module), name), seen)]
    return "\n".join(blocks) + "\n"


if __name__ == "__main__":
    print(render(), end="")
