"""The OpenAPI document, and a page to try it on that needs no internet: Swagger UI from a wheel."""

from importlib.util import find_spec
from pathlib import Path

from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.router import Router
from litestar.static_files import create_static_files_router

_ASSETS = "/docs/assets"


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
            SwaggerRenderPlugin(
                path="/",
                js_url=f"{_ASSETS}/swagger-ui-bundle.js",
                css_url=f"{_ASSETS}/swagger-ui.css",
                standalone_preset_js_url=f"{_ASSETS}/swagger-ui-standalone-preset.js",
                favicon=f"<link rel='icon' type='image/png' href='{_ASSETS}/favicon-32x32.png'>",
            )
        ],
    )
