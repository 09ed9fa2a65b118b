"""NSD as a peer: no database file, one server process, EDNS size 4096."""

from __future__ import annotations

import getpass
from collections.abc import Sequence

from tests.interop.peers.common import ADDRESS, Peer
from tests.interop.zonegen import ZoneFile


class Nsd(Peer):
    """nsd in the foreground."""

    name = "nsd"
    programs = ("nsd",)

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        lines = [
            "server:",
            f"  ip-address: {ADDRESS}@{self.port}",
            f'  username: "{getpass.getuser()}"',
            f'  zonesdir: "{self.folder}"',
            '  database: ""',
            f'  pidfile: "{self.folder}/pid"',
            f'  xfrdfile: "{self.folder}/xfrd.state"',
            f'  zonelistfile: "{self.folder}/zone.list"',
            f'  xfrdir: "{self.folder}"',
            '  chroot: ""',
            "  server-count: 1",
            "  tcp-count: 200",
            "  ipv4-edns-size: 4096",
            "  minimal-responses: yes",
            "  refuse-any: no",
            "  rrl-ratelimit: 0",
            "  round-robin: no",
            "  verbosity: 1",
            "remote-control:",
            "  control-enable: no",
        ]
        for zone in zones:
            lines += ["zone:", f'  name: "{zone.origin}"', f'  zonefile: "{zone.portable}"']
        config = self.folder / "nsd.conf"
        config.write_text("\n".join(lines) + "\n", "utf-8")
        return ["nsd", "-d", "-c", str(config)]
