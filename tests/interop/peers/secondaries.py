"""The four servers as secondaries of nsblast: two zones, one transferred without a key and one with; they poll every second or two.

PowerDNS takes whole zones only (its bind backend has no IXFR). Zones and keys are the module's, so that all tests speak of the same.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence

from tests.interop.peers.bind import Bind
from tests.interop.peers.common import ADDRESS, Peer, PeerError
from tests.interop.peers.knot import Knot
from tests.interop.peers.nsd import Nsd
from tests.interop.peers.pdns import Pdns
from tests.interop.zonegen import ZoneFile

PLAIN, KEYED = "plain.test.", "keyed.test."
ZONES = (PLAIN, KEYED)
KEY = "xfr.test."
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IDEyMzQ="
WRONG = "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3JvbmcgMTI="


class Secondary(Peer):
    """A peer that follows nsblast; master is where that listens."""

    master: tuple[str, int]
    secret = SECRET
    incremental = True
    """Whether it asks for differences."""

    def follow(self, master: tuple[str, int]) -> tuple[str, int]:
        """Start; its zones come later."""
        self.master = master
        self.begin([])
        return ADDRESS, self.port

    def have(self, awaited: Sequence[str] = ZONES) -> None:
        """Returns when it has these zones."""
        self.wait([Named(zone) for zone in awaited])  # type: ignore[misc]


class Named:
    """What Peer.wait() wants of a zone file."""

    def __init__(self, origin: str) -> None:
        self.origin = origin


class BindSecondary(Secondary, Bind):
    """named that follows."""

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        command = super().prepare([])
        config = self.folder / "named.conf"
        text = config.read_text().replace(
            "notify no;",
            "notify no; allow-transfer { any; }; min-refresh-time 1; max-refresh-time 1;"
            " min-retry-time 1; max-retry-time 1; serial-query-rate 1000;",
        )
        text += f'key "{KEY}" {{ algorithm hmac-sha256; secret "{self.secret}"; }};\n'
        for zone, key in ((PLAIN, ""), (KEYED, f' key "{KEY}"')):
            text += (
                f'zone "{zone}" {{ type secondary; file "{zone}db";'
                f" primaries {{ {self.master[0]} port {self.master[1]}{key}; }}; }};\n"
            )
        config.write_text(text)
        return command


class KnotSecondary(Secondary, Knot):
    """knotd that follows."""

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        lines = [
            *("server:", f"    rundir: {self.folder}", f"    listen: {ADDRESS}@{self.port}"),
            *("database:", f"    storage: {self.folder}"),
            *("log:", "  - target: stderr", "    any: info"),
            *("key:", f"  - id: {KEY}", "    algorithm: hmac-sha256", f"    secret: {self.secret}"),
            *("remote:", "  - id: plain", f"    address: {self.master[0]}@{self.master[1]}"),
            *("  - id: keyed", f"    address: {self.master[0]}@{self.master[1]}", f"    key: {KEY}"),
            *("acl:", "  - id: all", f"    address: {ADDRESS}", "    action: transfer"),
            "zone:",
        ]
        for zone, remote in ((PLAIN, "plain"), (KEYED, "keyed")):
            lines += [f"  - domain: {zone}", f"    master: {remote}", "    acl: all", "    refresh-max-interval: 2"]
            lines += [f"    storage: {self.folder}", "    refresh-min-interval: 2", "    retry-max-interval: 2"]
        config = self.folder / "knot.conf"
        config.write_text("\n".join(lines) + "\n")
        return ["knotd", "-c", str(config)]


class NsdSecondary(Secondary, Nsd):
    """nsd that follows."""

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        command = super().prepare([])
        place = f"{self.master[0]}@{self.master[1]}"
        lines = ["key:", f"  name: {KEY}", "  algorithm: hmac-sha256", f"  secret: {self.secret}"]
        for zone, key in ((PLAIN, "NOKEY"), (KEYED, KEY)):
            lines += ["zone:", f"  name: {zone}", f"  zonefile: {self.folder}/{zone}", f"  request-xfr: {place} {key}"]
            lines += [f"  provide-xfr: {ADDRESS} NOKEY", "  max-refresh-time: 1", "  max-retry-time: 1"]
        with open(command[-1], "a") as config:
            config.write("\n".join(lines) + "\n")
        return command


class PdnsSecondary(Secondary, Pdns):
    """pdns_server that follows."""

    incremental = False

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        command = super().prepare([])
        master = f"{self.master[0]}:{self.master[1]}"
        text = "".join(
            f'zone "{zone}" {{ type slave; masters {{ {master}; }}; file "{self.folder}/{zone}"; }};\n'
            for zone in ZONES
        )
        (self.folder / "named.conf").write_text(text)
        with open(self.folder / "pdns.conf", "a") as config:
            config.write(f"secondary=yes\nxfr-cycle-interval=1\nallow-axfr-ips={ADDRESS}\n")
        with contextlib.closing(sqlite3.connect(self.folder / "dnssec.sqlite3")) as base:
            base.execute(
                "insert into tsigkeys (name, algorithm, secret) values (?, ?, ?)",
                (KEY.rstrip("."), "hmac-sha256", self.secret),
            )
            base.execute(
                "insert into domainmetadata (domain, kind, content) values (?, ?, ?)",
                (KEYED.rstrip("."), "AXFR-MASTER-TSIG", KEY.rstrip(".")),
            )
            base.commit()
        return command


SECONDARIES: tuple[type[Secondary], ...] = (BindSecondary, KnotSecondary, NsdSecondary, PdnsSecondary)

__all__ = ["KEY", "KEYED", "PLAIN", "SECONDARIES", "SECRET", "WRONG", "ZONES", "Named", "PeerError", "Secondary"]
