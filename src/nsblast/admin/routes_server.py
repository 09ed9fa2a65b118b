"""Endpoints about the server itself: versions, whether it lives, whether it is ready, its state."""

import platform
from importlib.metadata import version

import msgspec

from nsblast import __version__
from nsblast.access.permissions import Permission
from nsblast.admin.calls import Answer, Call, Endpoint, Refused


class Versions(msgspec.Struct, frozen=True):
    """What runs here."""

    nsblast: str
    rocksdb: str
    python: str


_VERSIONS = Versions(__version__, f"rocksdict {version('rocksdict')}", platform.python_version())


async def get_version(_: Call) -> Answer:
    """GET /version."""
    return Answer(_VERSIONS)


async def get_status(call: Call) -> Answer:
    """GET /status. Any login; what tells of the machine (paths, pids, each process's counters) only with METRICS."""
    state = await call.site.command("status")
    if not call.actor.may(Permission.METRICS):
        state = {name: value for name, value in state.items() if name not in ("pid", "db_path")}
        state["processes"] = [{"name": each["name"], "state": each["state"]} for each in state["processes"]]
    return Answer(state)


async def healthz(_: Call) -> Answer:
    """The process answers."""
    return Answer("alive")


async def readyz(call: Call) -> Answer:
    """Every worker answers DNS."""
    state = await call.site.command("status")
    if not state["ready"]:
        raise Refused(f"not ready: {state['phase']}", status=503)
    return Answer("ready")


ENDPOINTS = (
    Endpoint(
        method="GET", path="/version", handler=get_version, summary="Versions of the software", tag="server",
        answers={200: "versions"}, value=Versions,
    ),
    Endpoint(
        method="GET", path="/status", handler=get_status, summary="State of processes, store and cache", tag="server",
        answers={200: "the state; without METRICS nothing of paths and pids"},
    ),
    Endpoint(
        method="GET", path="/healthz", handler=healthz, rooted=True, login=False, summary="Whether the process answers",
        tag="server", answers={200: "it does"}, value=str,
    ),
    Endpoint(
        method="GET", path="/readyz", handler=readyz, rooted=True, login=False, tag="server", value=str,
        summary="Whether every DNS worker answers", answers={200: "all do", 503: "not yet, or no longer"},
    ),
)  # fmt: skip
