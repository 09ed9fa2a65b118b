"""The four servers as primaries of nsblast: two zones each, one transferred without a key and one with; they notify.

BIND and Knot are changed by dynamic update, one version at a time, and give differences. NSD and PowerDNS read a file again that holds a
later version (NSD makes differences of it; PowerDNS's bind backend gives whole zones only).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import dns.exception
import dns.query
import dns.rcode
import dns.tsig

from tests.helpers.evolving import Evolving
from tests.interop.peers.bind import Bind
from tests.interop.peers.common import ADDRESS, Peer, PeerError
from tests.interop.peers.knot import Knot
from tests.interop.peers.nsd import Nsd
from tests.interop.peers.pdns import Pdns
from tests.interop.peers.secondaries import KEY, SECRET, Named
from tests.interop.zonegen import ZoneFile


class Primary(Peer):
    """A peer that nsblast follows. Each has zones of its own names, so that one nsblast can follow all."""

    differences = True
    """Whether it gives them."""
    hosts = 400

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.plain, self.keyed = f"plain.{self.name}.test.", f"keyed.{self.name}.test."
        self.models = {zone: Evolving(zone, self.hosts) for zone in (self.plain, self.keyed)}
        self.versions = dict.fromkeys(self.models, 0)
        """As far as it has confirmed them."""
        self.asked = dict.fromkeys(self.models, 0)
        """The last it was told to make."""
        self.notified: tuple[str, int] = ("", 0)

    def file(self, zone: str) -> Path:
        return self.folder / f"{zone}zone"

    def lead(self, notified: tuple[str, int]) -> None:
        """Start with version 0 of both zones."""
        self.notified = notified
        for zone, model in self.models.items():
            self.file(zone).write_text(model.text)
        self.begin([])

    def have(self) -> None:
        """Returns when it answers for its zones."""
        self.wait([Named(zone) for zone in self.models])  # type: ignore[misc]

    def read_again(self) -> None:
        """Look at the files again: they may have changed, and changed back, within what it sees of their times."""

    def advance(self, zone: str) -> None:
        """The next version. OSError or DNSException when nobody knows whether it came to be."""
        number = self.versions[zone] + 1
        self.asked[zone] = number
        answer = dns.query.tcp(self.models[zone].update(number), ADDRESS, 5, self.port)
        if answer.rcode() != dns.rcode.NOERROR:
            raise PeerError(f"{self.name}: {dns.rcode.to_text(answer.rcode())}\n{self.last_words()}")
        self.versions[zone] = number


class BindPrimary(Primary, Bind):
    """named that leads."""

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        command = super().prepare([])
        config = self.folder / "named.conf"
        place = f"{self.notified[0]} port {self.notified[1]}"
        text = config.read_text().replace("notify no;", "notify explicit; notify-delay 0; notify-rate 1000;")
        text += f'key "{KEY}" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n'
        for zone, may in ((self.plain, "any;"), (self.keyed, f'key "{KEY}";')):
            text += (
                f'zone "{zone}" {{ type primary; file "{self.file(zone)}"; allow-transfer {{ {may} }};'
                f" allow-update {{ any; }}; also-notify {{ {place}; }}; }};\n"
            )
        config.write_text(text)
        return command


class KnotPrimary(Primary, Knot):
    """knotd that leads. Its journal is short, so that gaps come soon."""

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        lines = [
            *("server:", f"    rundir: {self.folder}", f"    listen: {ADDRESS}@{self.port}"),
            *("database:", f"    storage: {self.folder}"),
            *("log:", "  - target: stderr", "    any: info"),
            *("key:", f"  - id: {KEY}", "    algorithm: hmac-sha256", f"    secret: {SECRET}"),
            *("remote:", "  - id: nsblast", f"    address: {self.notified[0]}@{self.notified[1]}"),
            *(
                "acl:",
                "  - id: plain",
                "    action: transfer",
                "  - id: keyed",
                f"    key: {KEY}",
                "    action: transfer",
            ),
            *("  - id: update", f"    address: {ADDRESS}", "    action: update"),
            "zone:",
        ]
        for zone, acl in ((self.plain, "plain"), (self.keyed, "keyed")):
            lines += [f"  - domain: {zone}", f"    file: {self.file(zone)}", f"    acl: [ {acl}, update ]"]
            lines += ["    notify: nsblast", "    journal-max-depth: 30", "    zonefile-load: difference"]
        config = self.folder / "knot.conf"
        config.write_text("\n".join(lines) + "\n")
        return ["knotd", "-c", str(config)]


class _FromFiles(Primary):
    """Changed by files."""

    def advance(self, zone: str) -> None:
        number = self.versions[zone] + 7
        self.asked[zone] = number
        part = self.file(zone).with_suffix(".part")
        part.write_text(self.models[zone].text_of(number))
        part.rename(self.file(zone))
        self.versions[zone] = number
        self.read_again()


class NsdPrimary(_FromFiles, Nsd):
    """nsd that leads."""

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        command = super().prepare([])
        lines = ["key:", f"  name: {KEY}", "  algorithm: hmac-sha256", f"  secret: {SECRET}"]
        for zone, key in ((self.plain, "NOKEY"), (self.keyed, KEY)):
            lines += ["zone:", f"  name: {zone}", f"  zonefile: {self.file(zone)}", f"  provide-xfr: 127.0.0.0/8 {key}"]
            lines += ["  store-ixfr: yes", "  create-ixfr: yes", "  ixfr-number: 3"]
            lines += [f"  notify: {self.notified[0]}@{self.notified[1]} NOKEY"]
        with open(command[-1], "a") as config:
            config.write("\n".join(lines) + "\n")
        return command

    def read_again(self) -> None:
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGHUP)


class PdnsPrimary(_FromFiles, Pdns):
    """pdns_server that leads."""

    differences = False

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        command = super().prepare([])
        text = "".join(f'zone "{zone}" {{ type master; file "{self.file(zone)}"; }};\n' for zone in self.models)
        (self.folder / "named.conf").write_text(text)
        with open(self.folder / "pdns.conf", "a") as config:
            config.write("primary=yes\nbind-check-interval=1\nallow-axfr-ips=\nxfr-cycle-interval=1\n")
            config.write(f"also-notify={self.notified[0]}:{self.notified[1]}\nonly-notify=\n")
        with contextlib.closing(sqlite3.connect(self.folder / "dnssec.sqlite3")) as base:
            base.execute(
                "insert into tsigkeys (name, algorithm, secret) values (?, ?, ?)",
                (KEY.rstrip("."), "hmac-sha256", SECRET),
            )
            rows = ((self.keyed, "TSIG-ALLOW-AXFR", KEY.rstrip(".")), (self.plain, "ALLOW-AXFR-FROM", "127.0.0.0/8"))
            for zone, kind, content in rows:
                base.execute(
                    "insert into domainmetadata (domain, kind, content) values (?, ?, ?)",
                    (zone.rstrip("."), kind, content),
                )
            base.commit()
        return command

    def read_again(self) -> None:
        for zone in self.models:
            self.file(zone).touch()


PRIMARIES: tuple[type[Primary], ...] = (BindPrimary, KnotPrimary, NsdPrimary, PdnsPrimary)

__all__ = ["PRIMARIES", "KnotPrimary", "Primary"]
