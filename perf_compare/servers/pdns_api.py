"""PowerDNS Authoritative with its LMDB backend and its HTTP API: what writing over the admin API is compared with."""

from pathlib import Path

from perf_compare.servers.common import ADDRESS, Choice, free_port
from perf_compare.servers.pdns import PowerDns
from perf_compare.workloads import Workload

KEY = "measured"
PATH = "/api/v1/servers/localhost/zones"


class PowerDnsApi(PowerDns):
    """An empty database on the disk, synced as the package does it by default; zones are made through its API."""

    def __init__(self, folder: Path, choice: Choice) -> None:
        super().__init__(folder, choice)
        self.http_port = free_port()

    def prepare(self, workload: Workload | None = None) -> None:
        (self.folder / "pdns.conf").write_text(
            "\n".join(
                [
                    "launch=lmdb",
                    f"lmdb-filename={self.folder}/pdns.lmdb",
                    f"local-address={ADDRESS}",
                    f"local-port={self.port}",
                    f"socket-dir={self.folder}",
                    "webserver=yes",
                    f"webserver-address={ADDRESS}",
                    f"webserver-port={self.http_port}",
                    "webserver-loglevel=none",
                    "api=yes",
                    f"api-key={KEY}",
                    "guardian=no",
                    "daemon=no",
                    "disable-syslog=yes",
                    "loglevel=3",
                ]
            )
            + "\n"
        )
