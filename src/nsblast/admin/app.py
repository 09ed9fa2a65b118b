"""The table of all endpoints, and the Starlette application made of it. A new routes_*.py is added to ROUTES, nothing else.

Owns: which path leads to which endpoints. Never: what happens to a request on its way to the endpoint (rim.py).
Paths are matched as they came, still percent-encoded: a name may hold an encoded slash (RFC 2317 zones do).
"""

from collections.abc import Iterable, Mapping
from functools import cache

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp

from nsblast.admin import (
    routes_access,
    routes_backups,
    routes_catalog,
    routes_changes,
    routes_config,
    routes_docs,
    routes_events,
    routes_keys,
    routes_metrics,
    routes_past,
    routes_rr,
    routes_secondary,
    routes_server,
    routes_transfer,
    routes_vzones,
    routes_zones,
)
from nsblast.admin.calls import BASE, Endpoint, Site
from nsblast.admin.rim import Receive, Rim, Scope, Send

ROUTES = (
    routes_server,
    routes_zones,
    routes_transfer,
    routes_vzones,
    routes_rr,
    routes_catalog,
    routes_changes,
    routes_config,
    routes_secondary,
    routes_access,
    routes_backups,
    routes_events,
    routes_keys,
    routes_metrics,
    routes_past,
)


@cache
def endpoints() -> tuple[Endpoint, ...]:
    """The whole table; made once, since it reads pages from the disk."""
    table = tuple(endpoint for routes in ROUTES for endpoint in routes.ENDPOINTS)
    return (*table, *routes_docs.endpoints_of(endpoints))


class Application(Starlette):
    """Starlette's, with a short way to the endpoints: its way through middleware and routes costs as much as what many of them do.

    Two looks into tables find a path without parameters, or with one as its last segment. All else goes the long way: other paths,
    what is refused, and every request when the site has origins of browsers to be told of.
    """

    short: bool = False

    def shorten(self, resources: Mapping[str, "_Resource"]) -> None:
        """Take the short way to these from now on."""
        self.short = True
        self._whole = {path: each for path, each in resources.items() if "{" not in path}
        self._leaves: dict[str, tuple[_Resource, str]] = {}
        for path, each in resources.items():
            head, _, last = path.rpartition("/")
            if "{" not in head and last.startswith("{"):
                self._leaves[head] = each, last[1:-1]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.short:
            path: str = scope["raw_path"].decode("latin-1")
            resource = self._whole.get(path)
            if resource is None:
                head, _, last = path.rpartition("/")
                resource, parameter = self._leaves.get(head, (None, ""))
                scope["path_params"] = {parameter: last} if last else {}
            else:
                scope["path_params"] = {}
                last = path
            if resource is not None and last and resource.has(scope["method"]):
                await resource(scope, receive, send)
                return
        scope.pop("extensions", None)  # what goes the long way is answered through what wraps it
        await super().__call__(scope, receive, send)


def make_app(site: Site) -> Application:
    """The application; its `state.site` is the site."""
    rim = Rim(site)
    meters = routes_metrics.meters_of(site)
    rim.observers.append(lambda endpoint, *rest: meters.request(endpoint.full_path if endpoint else "", *rest))
    middleware = [Middleware(_RawPaths)]
    if site.settings.http_cors_origins:
        middleware.append(_with_origins(site.settings.http_cors_origins))
    resources = _resources(rim, endpoints())
    routes = [resource.route() for resource in resources.values()]
    app = Application(routes=routes, middleware=middleware, exception_handlers={HTTPException: rim.refuse})
    if not site.settings.http_cors_origins:
        app.shorten(resources)
    app.router.redirect_slashes = False  # a path that differs by a slash is another path: 404, like every wrong one
    app.state.site = site
    return app


def _with_origins(origins: Iterable[str]) -> Middleware:
    """Lets browsers of other origins use the API."""
    return Middleware(
        CORSMiddleware,
        allow_origins=tuple(origins),
        allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
        allow_headers=("Authorization", "X-API-Key", "Content-Type", "If-Match", "If-None-Match"),
        expose_headers=("ETag", "X-Request-ID"),
    )


class _RawPaths:
    """Has paths matched as the client sent them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = scope["raw_path"].decode("latin-1")
        await self._app(scope, receive, send)


class _Resource:
    """The endpoints of one path, as the ASGI application its Route leads to."""

    def __init__(self, rim: Rim, path: str) -> None:
        self._rim = rim
        self._path = path
        self._methods: dict[str, Endpoint] = {}

    def add(self, endpoint: Endpoint) -> None:
        """ValueError when there is one for its method."""
        if endpoint.method in self._methods:
            raise ValueError(f"two endpoints for {endpoint.method} {self._path}")
        self._methods[endpoint.method] = endpoint
        if endpoint.method == "GET":
            self._methods["HEAD"] = endpoint

    def has(self, method: str) -> bool:
        """Whether an endpoint takes this method."""
        return method in self._methods

    def route(self) -> Route:
        """Its line of the application's table; other methods are refused by Starlette."""
        return Route(self._path, self, methods=[*self._methods, "OPTIONS"], name=self._path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._methods.get(scope["method"])
        if endpoint is None:
            await self._rim.options(", ".join(sorted([*self._methods, "OPTIONS"])), scope, send)
        else:
            await self._rim.serve(endpoint, scope, receive, send)


_FIRST = ("/rr", "/zone")
"""What is asked most: the routes are tried in order."""


def _resources(rim: Rim, table: Iterable[Endpoint]) -> dict[str, _Resource]:
    """One a path, by it; what is asked most first, a word before a parameter."""
    resources: dict[str, _Resource] = {}
    for endpoint in table:
        path = endpoint.full_path
        resources.setdefault(path, _Resource(rim, path)).add(endpoint)

    def order(path: str) -> tuple[bool, list[bool]]:
        return not path.removeprefix(BASE).startswith(_FIRST), [part.startswith("{") for part in path.split("/")]

    return {path: resources[path] for path in sorted(resources, key=order)}
