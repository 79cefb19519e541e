"""The OpenAPI document, and a page to try it on that needs no internet: Swagger UI from a wheel."""

from collections.abc import Sequence
from typing import Any, Literal

from litestar import Request, get
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.router import Router
from litestar.static_files import create_static_files_router
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from osiris_mesh.http import wheels
from osiris_mesh.http.door import KEYLESS
from osiris_mesh.http.keys import Keys
from osiris_mesh.http.routing import SCHEMES

_ASSETS = "/docs/assets"
_PAGE = f"""<!DOCTYPE html>
<html lang="en">
  <head>
    <title>Osiris</title>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <link rel="icon" type="image/png" href="{_ASSETS}/favicon-32x32.png">
    <link rel="stylesheet" href="{_ASSETS}/swagger-ui.css">
    <script src="{_ASSETS}/swagger-ui-bundle.js" defer></script>
    <script src="/docs/start.js" defer></script>
  </head>
  <body>
    <div id="swagger"></div>
  </body>
</html>
"""
_START = 'SwaggerUIBundle({ url: "/docs/openapi.json", dom_id: "#swagger", deepLinking: true });\n'


class _Document(JsonRenderPlugin):
    """Puts in the bodies as the contracts state them: Litestar's own reading loses bounds inside unions.

    Says too whether keys are asked for, which changes while the service runs.
    """

    def __init__(self, keys: Keys, bodies: Sequence[type[BaseModel]]) -> None:
        super().__init__()
        self._keys = keys
        self._schemas = _schemas(bodies)

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        components = openapi_schema["components"]
        exact = {**components, "schemas": {**components["schemas"], **self._schemas}}
        paths = {path: _headers_are_text(item) for path, item in openapi_schema["paths"].items()}
        if not self._keys.are_asked:
            paths = {path: _key_may_be_left_out(item) for path, item in paths.items()}
        return super().render(request, {**openapi_schema, "components": exact, "paths": paths})


def _key_may_be_left_out(item: dict[str, Any]) -> dict[str, Any]:
    return {
        method: {**operation, "security": [{}, *operation["security"]]} if "security" in operation else operation
        for method, operation in item.items()
    }


def _headers_are_text(item: dict[str, Any]) -> dict[str, Any]:
    """A header that may be left out is never null, which Litestar says of every optional parameter."""
    described = {}
    for method, operation in item.items():
        parameters = [
            {**each, "schema": _without_null(each["schema"])} if each["in"] == "header" else each
            for each in operation.get("parameters", ())
        ]
        described[method] = {**operation, "parameters": parameters} if parameters else operation
    return described


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = [each for each in schema.get("oneOf", ()) if each.get("type") != "null"]
    rest = {name: value for name, value in schema.items() if name != "oneOf"}
    return {**rest, **kinds[0]} if len(kinds) == 1 else schema


class _Page(OpenAPIRenderPlugin):
    """Swagger UI without a script in the page itself, which the content security policy forbids."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return _PAGE.encode()

    def receive_router(self, router: Router) -> None:
        router.register(get("/start.js", media_type="text/javascript", sync_to_thread=False)(_start))


def _start() -> bytes:
    return _START.encode()


def _schemas(bodies: Sequence[type[BaseModel]]) -> dict[str, Any]:
    modes: list[tuple[type[BaseModel], Literal["validation"]]] = [(body, "validation") for body in bodies]
    _, definitions = models_json_schema(modes, ref_template="#/components/schemas/{model}")
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


def assets() -> Router:
    """Swagger UI's files."""
    files = wheels.folder("swagger_ui", "swagger-ui-py", "static")
    return create_static_files_router(
        path=_ASSETS, directories=[files], include_in_schema=False, name="docs-assets", opt=KEYLESS
    )


def openapi(keys: Keys, *, title: str, summary: str, bodies: Sequence[type[BaseModel]]) -> OpenAPIConfig:
    """/docs is the page, /docs/openapi.json the document; they need no key.

    Args:
        bodies: the contracts that the document states, nested ones follow.
    """
    return OpenAPIConfig(
        title=title,
        version="0.1.0",
        summary=summary,
        openapi_router=Router("/docs", route_handlers=[], include_in_schema=False, opt=KEYLESS),
        components=SCHEMES,
        render_plugins=[_Document(keys, bodies), _Page(path="/")],
    )
