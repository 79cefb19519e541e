"""Makes a policy of the text of a `policy.py`."""

import importlib.util
import inspect
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from math import isfinite
from types import ModuleType
from typing import Any, NamedTuple, cast

from osiris_desk.policy.interface import Assembled, Limits, Parts, Policy

MOST_CODE_BYTES = 64 * 1024
FUNCTIONS = {
    "prompt": ("features",),
    **dict.fromkeys(("entry", "exit", "size", "stop", "target"), ("features", "proposed")),
    "critique": ("features", "intent", "asked"),
}
"""What a `policy.py` defines, and what each is given, by place."""

_CRITIQUE_ONCE = ("features", "intent")
"""What versions of before it was told `asked` take; they stay in use."""


class PolicyRefused(ValueError):
    """A policy that cannot be used."""


class LoadedPolicy(NamedTuple):
    """A policy, and the version that names it in every decision."""

    version: str
    policy: Policy


class _TextLoader(InspectLoader):
    """Loads a module from a text in memory: what was checked is what runs, whatever happens to its file."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get_source(self, fullname: str) -> str:
        return self._text


def load(code: bytes, version: str) -> LoadedPolicy:
    """Run the code of a `policy.py`, which must be trusted by now, and look at what it defines.

    Raises:
        PolicyRefused: it is too long, cannot be loaded, or does not define what a policy must.
    """
    if len(code) > MOST_CODE_BYTES:
        raise PolicyRefused(f"expected a policy.py of at most {MOST_CODE_BYTES} bytes, was {len(code)}")
    try:
        module = _module(code.decode(), f"osiris_policy_{version}")
    except (Exception, SystemExit) as error:
        raise PolicyRefused(f"expected a policy.py that loads, got {type(error).__name__}: {error}") from error
    missing = [name for name in FUNCTIONS if not callable(getattr(module, name, None))]
    if missing:
        raise PolicyRefused(f"expected policy.py to define the function {', '.join(missing)}")
    if _takes(module.critique, _CRITIQUE_ONCE):
        module.critique = _without_asked(module.critique)  # type: ignore[attr-defined]
    for name, given in FUNCTIONS.items():
        if not _takes(getattr(module, name), given):
            raise PolicyRefused(f"expected policy.py to define {name}({', '.join(given)})")
    _check_limits(getattr(module, "GATE", None))
    return LoadedPolicy(version, Assembled(cast(Parts, module)))


def _module(text: str, name: str) -> ModuleType:
    loader = _TextLoader(text)
    spec = importlib.util.spec_from_loader(name, loader)
    module = importlib.util.module_from_spec(cast(ModuleSpec, spec))
    loader.exec_module(module)
    return module


def _without_asked(critique: Any) -> Any:
    return lambda features, intent, asked: critique(features, intent)


def _takes(function: Any, given: tuple[str, ...]) -> bool:
    try:
        inspect.signature(function).bind(*given)
    except (TypeError, ValueError):
        return False
    return True


def _check_limits(limits: Any) -> None:
    if not isinstance(limits, Limits):
        raise PolicyRefused(f"expected policy.py to define GATE as Limits, was {type(limits).__name__}")
    for name, value in zip(limits._fields, limits, strict=True):
        if isinstance(value, bool) or not isinstance(value, int | float) or not (isfinite(value) and 0 < value <= 100):
            raise PolicyRefused(f"expected {name} of GATE above 0 and at most 100 percent, was {value!r}")
