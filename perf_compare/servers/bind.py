"""BIND 9: one thread, authoritative only, minimal responses."""

from perf_compare.servers.common import ADDRESS, Server
from perf_compare.workloads import Workload


class Bind(Server):
    """named in the foreground."""

    name = "bind"
    programs = ("named",)

    def prepare(self, workload: Workload) -> None:
        zones = "".join(
            f'zone "{origin}" {{ type primary; file "{path}"; check-names ignore; }};\n'
            for origin, path in workload.zones
        )
        (self.folder / "named.conf").write_text(
            f"""options {{
    directory "{self.folder}"; pid-file "{self.folder}/named.pid"; session-keyfile "{self.folder}/session.key";
    listen-on port {self.port} {{ {ADDRESS}; }}; listen-on-v6 {{ none; }};
    recursion no; minimal-responses yes; notify no; allow-transfer {{ none; }}; dnssec-validation no;
    max-udp-size 1232; edns-udp-size 1232; querylog no; check-integrity no; empty-zones-enable no;
}};
controls {{ }};
logging {{ category default {{ null; }}; category unmatched {{ null; }}; }};
{zones}"""
        )

    def command(self) -> list[str]:
        return ["named", "-g", "-n", str(self.choice.workers), "-c", str(self.folder / "named.conf")]
