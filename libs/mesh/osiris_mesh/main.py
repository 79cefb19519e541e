"""What every `__main__` does."""

import sys
from collections.abc import Callable
from typing import TypeVar

from pydantic import AliasChoices, ValidationError
from redis.exceptions import ConnectionError, TimeoutError

from osiris_mesh.errors import Misconfigured, RedisLost
from osiris_mesh.service import Service
from osiris_mesh.settings import MeshSettings

Settings = TypeVar("Settings", bound=MeshSettings)


def main(settings: type[Settings], build: Callable[[Settings], Service]) -> None:
    """Read the settings and run the service until it is told to stop.

    Exits with 2 and one line when a setting is not what its field expects, with 1 when Redis does not answer.
    """
    run(build(load(settings)))


def load(settings: type[Settings]) -> Settings:
    """Read the settings. Exits with 2 and one line when one is not what its field expects."""
    try:
        return settings()
    except ValidationError as error:
        sys.exit(_refuse("; ".join(_explain(settings, dict(problem)) for problem in error.errors()), 2))


def run(service: Service) -> None:
    """Run the service until it is told to stop.

    Exits with 1 and one line when Redis does not answer, with 2 when it cannot do what it was told.
    """
    try:
        service.run()
    except Misconfigured as error:
        sys.exit(_refuse(str(error), 2))
    except RedisLost as error:
        sys.exit(_refuse(str(error), 1))
    except (ConnectionError, TimeoutError) as error:
        sys.exit(_refuse(f"expected Redis to answer, it did not: {error}", 1))


def _explain(settings: type[MeshSettings], problem: dict[str, object]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    location = problem["loc"]
    if not isinstance(location, tuple) or not location:
        return message
    name = str(location[0])
    if not name.startswith("OSIRIS_"):
        name = f"{settings.model_config.get('env_prefix', '')}{name}".upper()
    if _is_secret(settings, str(location[0])):
        return f"{name}: {message}"
    return f"{name}: {message}, was {problem['input']!r}"


def _is_secret(settings: type[MeshSettings], location: str) -> bool:
    """Whether a field's value must not be shown: a key, or a URL that may hold a password."""
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        if location in (name, *(alias.choices if isinstance(alias, AliasChoices) else ())):
            return "Secret" in str(field.annotation) or name.endswith("_url")
    return False


def _refuse(message: str, code: int) -> int:
    print(f"{sys.argv[0].rpartition('/')[0].rpartition('/')[2] or 'osiris'}: {message}", file=sys.stderr)  # noqa: T201
    return code
