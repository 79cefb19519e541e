"""Bodies of JSON, with a bound on how deep they are."""

from typing import Any

from litestar import Request
from litestar.exceptions import ClientException, HTTPException

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


async def only_json(request: Request[Any, Any, Any]) -> None:
    """Refuse other bodies: a web page may send text across origins without asking, JSON it may not."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind != "application/json":
        raise HTTPException(f"expected content-type application/json, was '{kind or 'none'}'", status_code=415)


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        inside = (each.values() if isinstance(each, dict) else each for each in level)
        level = [child for children in inside for child in children if isinstance(child, dict | list)]
        if not level:
            return False
    return True
