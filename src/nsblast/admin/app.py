"""The table of all endpoints, and the application made of it. A new routes_*.py is added to ROUTES, nothing else."""

from nsblast.admin import (
    routes_access,
    routes_backups,
    routes_changes,
    routes_config,
    routes_docs,
    routes_events,
    routes_keys,
    routes_metrics,
    routes_past,
    routes_rr,
    routes_server,
    routes_vzones,
    routes_zones,
)
from nsblast.admin.calls import Endpoint, Site
from nsblast.admin.rim import Rim

ROUTES = (
    routes_server,
    routes_zones,
    routes_vzones,
    routes_rr,
    routes_changes,
    routes_config,
    routes_access,
    routes_backups,
    routes_events,
    routes_keys,
    routes_metrics,
    routes_past,
)


def endpoints() -> tuple[Endpoint, ...]:
    """The whole table."""
    table = tuple(endpoint for routes in ROUTES for endpoint in routes.ENDPOINTS)
    return (*table, *routes_docs.endpoints_of(endpoints))


def make_app(site: Site) -> Rim:
    """The application."""
    rim = Rim(site, endpoints())
    meters = routes_metrics.meters_of(site)
    rim.observers.append(lambda endpoint, *rest: meters.request(endpoint.full_path if endpoint else "", *rest))
    return rim
