"""Bodies of JSON, with a bound on how deep they are."""

from typing import Any

from litestar import Request
from litestar.exceptions import ClientException

MAX_DEPTH = 64
"""Lists and objects in each other; a JSON schema of a tool, the deepest there is, has a dozen."""

_TOO_DEEP = f"at most {MAX_DEPTH} lists and objects deep, it is deeper"


class JsonRequest(Request[Any, Any, Any]):
    """A request whose JSON is no deeper than MAX_DEPTH: what is deeper breaks readers further on."""

    async def json(self) -> Any:
        """The body, read.

        Raises:
            ClientException: it is too deep.
        """
        try:
            value = await super().json()
        except RecursionError:
            raise ClientException(_TOO_DEEP) from None
        body = await self.body()
        if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _is_deep(value):
            raise ClientException(_TOO_DEEP)
        return value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        inside = (each.values() if isinstance(each, dict) else each for each in level)
        level = [child for children in inside for child in children if isinstance(child, dict | list)]
        if not level:
            return False
    return True
