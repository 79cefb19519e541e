"""The desk's page and its files, and the charts from the wheel that carries them: nothing comes from elsewhere."""

from pathlib import Path

from litestar import Response, get
from litestar.datastructures import CacheControlHeader
from litestar.router import Router
from litestar.static_files import create_static_files_router

from osiris_mesh.http import wheels
from osiris_mesh.http.door import KEYLESS

STATIC = Path(__file__).parent / "static"

_FRESH = CacheControlHeader(no_cache=True)


@get("/", include_in_schema=False, media_type="text/html", cache_control=_FRESH)
async def desk() -> Response[bytes]:
    """The desk."""
    return Response((STATIC / "desk.html").read_bytes(), media_type="text/html")


def files() -> list[Router]:
    """Everything the pages load; for everybody, since they ask for what they show with the key of whoever looks."""
    return [
        create_static_files_router(
            path=path, directories=[folder], include_in_schema=False, name=name, opt=KEYLESS, cache_control=_FRESH
        )
        for path, folder, name in (
            ("/static/charts", wheels.folder("lightweight_charts", "lightweight-charts", "js"), "charts"),
            ("/static", STATIC, "static"),
        )
    ]
