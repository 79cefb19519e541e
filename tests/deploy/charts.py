"""The charts with their dependencies beside them, as `helm dependency build` lays them."""

import shutil
from pathlib import Path
from typing import Any

import yaml
from helm_python.chart import Chart

REPOSITORY = Path(__file__).parent.parent.parent
Manifest = dict[str, Any]
HELM = REPOSITORY / "deploy" / "helm"
UMBRELLA = "osiris"
SERVICES = sorted(
    path.parent.name for path in HELM.glob("*/Chart.yaml") if path.parent.name not in {"library", UMBRELLA}
)
VALUE_FILES = sorted(path.name for path in (HELM / UMBRELLA).glob("values-*.yaml"))


def vendor(folder: Path) -> Path:
    """Copy the charts into `folder`, each with what it depends on."""
    for name in ("library", *SERVICES, UMBRELLA):
        chart = folder / name
        shutil.copytree(HELM / name, chart)
        for dependency in read(chart / "Chart.yaml").get("dependencies", []):
            source = (chart / dependency["repository"].removeprefix("file://")).resolve()
            shutil.copytree(source, chart / "charts" / dependency["name"])
    return folder


def read(path: Path) -> dict[str, Any]:
    """A YAML file."""
    found: dict[str, Any] = yaml.safe_load(path.read_text()) or {}
    return found


def merged(*files: str) -> dict[str, Any]:
    """What several -f of the umbrella's value files, later ones first, come to."""
    found: dict[str, Any] = {}
    for file in files:
        _lay(found, read(HELM / UMBRELLA / file))
    return found


def _lay(below: dict[str, Any], above: dict[str, Any]) -> None:
    for name, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(name), dict):
            _lay(below[name], value)
        else:
            below[name] = value


def render(
    chart: Path, values: dict[str, Any] | None = None, *, name: str = "osiris", namespace: str = "osiris"
) -> list[dict[str, Any]]:
    """The manifests of a release."""
    with Chart.load(chart) as loaded:
        rendered = loaded.render(values, name=name, namespace=namespace)
    return [each for text in rendered.values() for each in yaml.safe_load_all(text) if each]
