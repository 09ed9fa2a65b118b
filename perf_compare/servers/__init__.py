"""The servers of the comparison, each started from an installed package with one worker thread or process."""

from perf_compare.servers.bind import Bind
from perf_compare.servers.common import Server, ServerError
from perf_compare.servers.echo import Echo
from perf_compare.servers.knot import Knot
from perf_compare.servers.nsblast import Nsblast
from perf_compare.servers.nsd import Nsd
from perf_compare.servers.pdns import PowerDns

SERVERS: dict[str, type[Server]] = {server.name: server for server in (Echo, Nsblast, Knot, Nsd, Bind, PowerDns)}

__all__ = ["SERVERS", "Server", "ServerError"]
