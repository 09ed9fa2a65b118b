"""PowerDNS Authoritative with its bind backend: one receiver and one distributor thread, its packet cache on."""

from perf_compare.servers.common import ADDRESS, Server
from perf_compare.workloads import Workload


class PowerDns(Server):
    """pdns_server in the foreground."""

    name = "pdns"
    programs = ("pdns_server",)

    def prepare(self, workload: Workload) -> None:
        zones = "".join(
            f'zone "{origin.rstrip(".")}" {{ type master; file "{path}"; }};\n' for origin, path in workload.zones
        )
        (self.folder / "named.conf").write_text(zones)
        (self.folder / "pdns.conf").write_text(
            "\n".join(
                [
                    "launch=bind",
                    f"bind-config={self.folder}/named.conf",
                    f"local-address={ADDRESS}",
                    f"local-port={self.port}",
                    f"socket-dir={self.folder}",
                    "receiver-threads=1",
                    "distributor-threads=1",
                    "guardian=no",
                    "daemon=no",
                    "disable-syslog=yes",
                    "loglevel=3",
                    "cache-ttl=60",
                    "negquery-cache-ttl=60",
                    "query-cache-ttl=60",
                    "zone-cache-refresh-interval=300",
                    "udp-truncation-threshold=1232",
                    "bind-check-interval=0",
                    "version-string=anonymous",
                ]
            )
            + "\n"
        )

    def command(self) -> list[str]:
        return ["pdns_server", f"--config-dir={self.folder}"]
