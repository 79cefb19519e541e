"""Lets requests in, or not: what each route needs, who comes, and how often."""

from typing import Any

from litestar.enums import HttpMethod
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from osiris_contracts import KeyScope
from osiris_mesh.http.credentials import Admission, digest_of, key_in
from osiris_mesh.http.keys import Keys
from osiris_mesh.http.limiter import Limiter
from osiris_mesh.http.limits import headers
from osiris_mesh.http.neighbours import is_of_this_machine

_NEEDS = "needs"
_BY_DEFAULT: KeyScope = "admin"  # a route that says nothing is not open by oversight


def needs(scope: KeyScope) -> dict[str, Any]:
    """The `opt` of routes for whom has a key with `scope`."""
    return {_NEEDS: scope}


KEYLESS: dict[str, Any] = {_NEEDS: None}
"""The `opt` of routes for everybody."""


class KeyRefused(Exception):
    """A request without a key, or with one that is none."""

    def __init__(self, *, came: bool) -> None:
        got = "this one is unknown, revoked or expired" if came else "none came"
        super().__init__(f"expected an API key as 'Authorization: Bearer …' or 'X-API-Key: …', {got}")
        self.challenge = 'Bearer error="invalid_token"' if came else "Bearer"


class ScopeMissing(Exception):
    """A key that may not do this."""

    def __init__(self, scope: KeyScope, has: tuple[KeyScope, ...]) -> None:
        super().__init__(f"expected a key with the scope {scope}, this one has {', '.join(has)}")
        self.challenge = f'Bearer error="insufficient_scope", scope="{scope}"'


class StrangeHost(Exception):
    """A door without keys, called by a name that is not this machine's."""


class Door:
    """Stands before every route, as a middleware. What it let in is the `user` of the request, an `Admission`."""

    def __init__(self, keys: Keys, limiter: Limiter) -> None:
        self._keys = keys
        self._limiter = limiter

    def __call__(self, app: ASGIApp) -> ASGIApp:
        """The app behind this door."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, await self._let_in(scope, send))

        return guarded

    async def _let_in(self, scope: Scope, send: Send) -> Send:
        """How to answer the request, which may come in.

        Raises:
            KeyRefused: it has no key that is good here.
            ScopeMissing: its key may not do this.
            StrangeHost: no key is asked for, and it was sent to a name of another machine.
            RateLimited: its key has had its requests of this minute.
        """
        needed: KeyScope | None = scope["route_handler"].opt.get(_NEEDS, _BY_DEFAULT)
        if needed is None or scope.get("method") == HttpMethod.OPTIONS:  # which browsers ask without a key
            return send
        admission = self._admit(scope, needed)
        scope["user"] = admission
        key = admission.key
        if key is not None:
            if limit := self._limiter.requests_of(key):
                admission.readings["requests"] = await self._limiter.take(key, limit, 1)
            if admission.readings or self._limiter.tokens_of(key):
                return _telling(send, admission)
        return send

    def _admit(self, scope: Scope, needed: KeyScope) -> Admission:
        sent = key_in(scope["headers"])
        who = digest_of(sent)
        if not self._keys.are_asked:
            if not is_of_this_machine(scope["headers"]):
                raise StrangeHost(
                    "expected a request to localhost: without API keys only this machine's own programs are served, "
                    "no web page that calls it by another name; make a key with: osiris keys add NAME"
                )
            return Admission(who)
        key = self._keys.find(who)
        if key is None:
            raise KeyRefused(came=bool(sent))
        if not key.permits(needed):
            raise ScopeMissing(needed, key.scopes)
        return Admission(who, key)


def _telling(send: Send, admission: Admission) -> Send:
    """`send`, with what is left of the limits in the headers."""

    async def tell(message: Message) -> None:
        if message["type"] == "http.response.start":
            known = {name for name, _ in message["headers"]}
            told = [(name.encode(), value.encode()) for name, value in headers(admission.readings.values()).items()]
            message["headers"] = [*message["headers"], *(each for each in told if each[0] not in known)]
        await send(message)

    return tell
