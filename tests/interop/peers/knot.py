"""Knot DNS as a peer: one UDP worker, no journal, no semantic checks."""

from __future__ import annotations

from collections.abc import Sequence

from tests.interop.peers.common import ADDRESS, Peer
from tests.interop.zonegen import ZoneFile


class Knot(Peer):
    """knotd in the foreground."""

    name = "knot"
    programs = ("knotd",)

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        lines = [
            "server:",
            f"    rundir: {self.folder}",
            f"    listen: {ADDRESS}@{self.port}",
            "    udp-workers: 1",
            "    tcp-workers: 1",
            "    background-workers: 1",
            "    udp-max-payload: 4096",
            "    tcp-max-clients: 200",
            "database:",
            f"    storage: {self.folder}",
            "log:",
            "  - target: stderr",
            "    any: warning",
            "template:",
            "  - id: default",
            f"    storage: {self.folder}",
            "    zonefile-sync: -1",
            "    zonefile-load: whole",
            "    journal-content: none",
            "    semantic-checks: off",
            "zone:",
        ]
        for zone in zones:
            lines += [f'  - domain: "{zone.origin}"', f'    file: "{zone.portable}"']
        config = self.folder / "knot.conf"
        config.write_text("\n".join(lines) + "\n", "utf-8")
        return ["knotd", "-c", str(config)]
