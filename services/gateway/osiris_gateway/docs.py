"""The OpenAPI document, and a page to try it on that needs no internet: Swagger UI from a wheel."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from litestar import Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin, SwaggerRenderPlugin
from litestar.router import Router
from litestar.static_files import create_static_files_router
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from osiris_contracts import (
    DeskControlBody,
    DeskReceipt,
    FeedbackReceipt,
    FeedbackSubmission,
    GenerateBody,
    GeneratedText,
    GenerateModelBody,
    Health,
    Problem,
    Proposal,
    ProposeBody,
    ProposedTrade,
)
from osiris_contracts.openai import (
    ChatCompletion,
    ChatCompletionBody,
    Completion,
    CompletionBody,
    ModelCard,
    ModelList,
    OpenAIError,
)

_OPENAI = (ChatCompletion, ChatCompletionBody, Completion, CompletionBody, ModelCard, ModelList, OpenAIError)
_ASSETS = "/docs/assets"
_BODIES = (
    DeskControlBody,
    DeskReceipt,
    FeedbackReceipt,
    FeedbackSubmission,
    GenerateBody,
    GenerateModelBody,
    GeneratedText,
    Health,
    Problem,
    Proposal,
    ProposeBody,
    ProposedTrade,
    *_OPENAI,
)


class _Exact(OpenAPIRenderPlugin):
    """Puts in the bodies as the contracts state them: Litestar's own reading loses bounds inside unions."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        components = openapi_schema["components"]
        exact = {**components, "schemas": {**components["schemas"], **_bodies()}}
        paths = {path: _headers_are_text(item) for path, item in openapi_schema["paths"].items()}
        return super().render(request, {**openapi_schema, "components": exact, "paths": paths})  # type: ignore[safe-super]


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


class _Page(_Exact, SwaggerRenderPlugin):
    pass


class _Document(_Exact, JsonRenderPlugin):
    pass


@cache
def _bodies() -> dict[str, Any]:
    modes: list[tuple[type[BaseModel], Literal["validation"]]] = [(body, "validation") for body in _BODIES]
    _, definitions = models_json_schema(modes, ref_template="#/components/schemas/{model}")
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


def _swagger_folder() -> Path:
    found = find_spec("swagger_ui")
    if found is None or found.origin is None:
        raise ImportError("expected the package swagger-ui-py, it is not installed")
    return Path(found.origin).parent / "static"


def assets() -> Router:
    """Swagger UI's files."""
    return create_static_files_router(
        path=_ASSETS, directories=[_swagger_folder()], include_in_schema=False, name="docs-assets"
    )


def openapi() -> OpenAPIConfig:
    """/docs is the page, /docs/openapi.json the document."""
    return OpenAPIConfig(
        title="Osiris",
        version="0.1.0",
        summary="The HTTP door of a private LLM trading desk.",
        path="/docs",
        render_plugins=[
            _Document(),
            _Page(
                path="/",
                js_url=f"{_ASSETS}/swagger-ui-bundle.js",
                css_url=f"{_ASSETS}/swagger-ui.css",
                standalone_preset_js_url=f"{_ASSETS}/swagger-ui-standalone-preset.js",
                favicon=f"<link rel='icon' type='image/png' href='{_ASSETS}/favicon-32x32.png'>",
            ),
        ],
    )
