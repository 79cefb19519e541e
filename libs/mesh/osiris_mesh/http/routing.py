"""Routes by what they need of a key."""

from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Components, SecurityScheme
from litestar.router import Router

from osiris_contracts import KeyScope
from osiris_mesh.http.door import KEYLESS, needs

SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"apiKey": []}]
"""Either will do."""

SCHEMES = Components(
    security_schemes={
        "bearer": SecurityScheme(type="http", scheme="bearer", description="An API key; see `osiris keys --help`."),
        "apiKey": SecurityScheme(
            type="apiKey", name="X-API-Key", security_scheme_in="header", description="The same, in another header."
        ),
    }
)


def keyed(scope: KeyScope, *handlers: HTTPRouteHandler) -> Router:
    """Routes for whom has a key with `scope`, where keys are asked for."""
    return Router("/", route_handlers=handlers, opt=needs(scope), security=SECURITY)


def keyless(*handlers: HTTPRouteHandler) -> Router:
    """Routes for everybody."""
    return Router("/", route_handlers=handlers, opt=KEYLESS)
