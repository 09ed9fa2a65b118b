"""GET /metrics: everything counted, in Prometheus' text format, or OpenMetrics where it is asked for."""

import asyncio
import platform
from importlib.metadata import version

from prometheus_client.exposition import choose_encoder

from nsblast import __version__
from nsblast.access.permissions import Permission
from nsblast.admin.calls import Answer, Call, Endpoint, Site
from nsblast.metrics import Meters, Source

_PART = "meters"
# Read while everything may be read: control asks for it after it has given its privileges away.
_BUILD = {"version": __version__, "python": platform.python_version(), "rocksdict": version("rocksdict")}


def meters_of(site: Site) -> Meters:
    """The process's meters; made when they are first asked for."""
    found = site.parts.get(_PART)
    if not isinstance(found, Meters):
        found = site.parts[_PART] = Meters(_BUILD)
    return found


def watch(site: Site, source: Source) -> Meters:
    """Have the metrics of the whole server told, not only of the process."""
    meters = meters_of(site)
    meters.watch(source)
    return meters


async def get_metrics(call: Call) -> Answer:
    """GET /metrics."""
    encode, content_type = choose_encoder(call.header("accept"))
    meters = meters_of(call.site)
    text = await asyncio.get_running_loop().run_in_executor(None, encode, meters.registry)
    return Answer(content=text, headers={"content-type": content_type})


ENDPOINTS = (
    Endpoint(
        method="GET", path="/metrics", handler=get_metrics, rooted=True, login=lambda settings: not settings.metrics_public,
        permission=Permission.METRICS, tag="server",
        summary="All metrics, for Prometheus; needs METRICS unless metrics_public is set",
        answers={200: "metrics in Prometheus' text format"}, produces="text/plain",
    ),
)  # fmt: skip
