"""Knot DNS: one UDP and one TCP worker, nothing that a primary without secondaries does not need."""

from perf_compare.servers.common import ADDRESS, Server
from perf_compare.workloads import Workload


class Knot(Server):
    """knotd in the foreground."""

    name = "knot"
    programs = ("knotd",)
    takes_updates = True

    def prepare(self, workload: Workload) -> None:
        lines = [
            "server:",
            f"    rundir: {self.folder}",
            f"    listen: {ADDRESS}@{self.port}",
            f"    udp-workers: {self.choice.workers}",
            f"    tcp-workers: {self.choice.workers}",
            "    background-workers: 1",
            "    udp-max-payload: 1232",
            "database:",
            f"    storage: {self.folder}",
            "log:",
            "  - target: stderr",
            "    any: warning",
            "acl:",
            "  - id: transfer",
            "    action: [transfer, update]",
            "template:",
            "  - id: default",
            "    zonefile-sync: -1",
            "    zonefile-load: whole",
            "    journal-content: none",
            "    semantic-checks: off",
            "    acl: transfer",
            "zone:",
        ]
        for origin, path in workload.zones:
            lines += [f'  - domain: "{origin}"', f'    file: "{path}"']
        (self.folder / "knot.conf").write_text("\n".join(lines) + "\n")

    def command(self) -> list[str]:
        return ["knotd", "-c", str(self.folder / "knot.conf")]
