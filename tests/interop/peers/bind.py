"""BIND 9 as a peer: authoritative only, minimal responses, large UDP answers allowed."""

from __future__ import annotations

from collections.abc import Sequence

from tests.interop.peers.common import ADDRESS, Peer
from tests.interop.zonegen import ZoneFile


class Bind(Peer):
    """named in the foreground with checks off, since the zones are nasty on purpose."""

    name = "bind"
    programs = ("named",)

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        options = f"""
options {{
    directory "{self.folder}";
    listen-on port {self.port} {{ {ADDRESS}; }};
    listen-on-v6 {{ none; }};
    pid-file "{self.folder}/pid";
    session-keyfile "{self.folder}/session.key";
    lock-file none;
    recursion no;
    allow-query {{ any; }};
    notify no;
    dnssec-validation no;
    minimal-responses yes;
    minimal-any no;
    max-udp-size 4096;
    nocookie-udp-size 4096;
    edns-udp-size 4096;
    answer-cookie no;
    check-integrity no;
    check-mx ignore;
    check-mx-cname ignore;
    check-names primary ignore;
    check-sibling no;
    check-spf ignore;
    check-srv-cname ignore;
    check-wildcard no;
    max-records-per-type 0;
    max-types-per-name 0;
    tcp-clients 1000;
    empty-zones-enable no;
    masterfile-format text;
}};
controls {{ }};
logging {{ category default {{ default_stderr; }}; }};
"""
        lines = [options]
        for zone in zones:
            lines.append(f'zone "{zone.origin}" {{ type primary; file "{zone.portable}"; }};')
        config = self.folder / "named.conf"
        config.write_text("\n".join(lines) + "\n", "utf-8")
        return ["named", "-g", "-n", "1", "-c", str(config)]
