"""NSD: one server process, minimal responses, no rate limiting, no statistics."""

from perf_compare.servers.common import ADDRESS, Server
from perf_compare.workloads import Workload


class Nsd(Server):
    """nsd in the foreground."""

    name = "nsd"
    programs = ("nsd",)

    def prepare(self, workload: Workload) -> None:
        lines = [
            "server:",
            f"    ip-address: {ADDRESS}@{self.port}",
            f"    server-count: {self.choice.workers}",
            f"    reuseport: {'yes' if self.choice.workers > 1 else 'no'}",
            "    username: root",
            '    chroot: ""',
            f"    zonesdir: {self.folder}",
            f"    pidfile: {self.folder}/nsd.pid",
            f"    zonelistfile: {self.folder}/zone.list",
            f"    xfrdfile: {self.folder}/xfrd.state",
            f"    xfrdir: {self.folder}",
            '    database: ""',
            "    minimal-responses: yes",
            "    rrl-ratelimit: 0",
            "    verbosity: 0",
            "    ipv4-edns-size: 1232",
            "remote-control:",
            "    control-enable: no",
        ]
        for origin, path in workload.zones:
            lines += ["zone:", f"    name: {origin}", f"    zonefile: {path}"]
            lines += ["    provide-xfr: 0.0.0.0/0 NOKEY"]
        (self.folder / "nsd.conf").write_text("\n".join(lines) + "\n")

    def command(self) -> list[str]:
        return ["nsd", "-d", "-c", str(self.folder / "nsd.conf")]
