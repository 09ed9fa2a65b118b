"""PowerDNS with its bind backend as a peer: caches off, so that every answer is worked out; signed zones are presigned."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tests.interop.peers.common import ADDRESS, Peer
from tests.interop.zonegen import ZoneFile


class Pdns(Peer):
    """pdns_server in the foreground."""

    name = "pdns"
    programs = ("pdns_server", "pdnsutil")

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        named = self.folder / "named.conf"
        named.write_text(
            "".join(f'zone "{zone.origin}" {{ type master; file "{zone.portable}"; }};\n' for zone in zones), "utf-8"
        )
        database = self.folder / "dnssec.sqlite3"
        config = {
            "launch": "bind",
            "bind-config": named,
            "bind-dnssec-db": database,
            "bind-ignore-broken-records": "no",
            "local-address": ADDRESS,
            "local-port": self.port,
            "socket-dir": self.folder,
            "daemon": "no",
            "guardian": "no",
            "receiver-threads": 1,
            "distributor-threads": 1,
            "cache-ttl": 0,
            "query-cache-ttl": 0,
            "negquery-cache-ttl": 0,
            "zone-cache-refresh-interval": 300,
            "udp-truncation-threshold": 4096,
            "edns-subnet-processing": "no",
            "expand-alias": "no",
            "resolver": "no",
            "any-to-tcp": "no",
            "max-tcp-connections": 200,
            "max-tcp-connections-per-client": 0,
            "loglevel": 4,
            "write-pid": "no",
            "security-poll-suffix": "",
            "version-string": "anonymous",
        }
        (self.folder / "pdns.conf").write_text("".join(f"{key}={value}\n" for key, value in config.items()), "utf-8")
        self.make_database(database, zones)
        return ["pdns_server", f"--config-dir={self.folder}"]

    @staticmethod
    def make_database(path: object, zones: Sequence[ZoneFile]) -> None:
        """The backend's own side table: which zones are signed already, and their NSEC3 parameters."""
        with sqlite3.connect(str(path)) as base:
            base.executescript(
                """
                create table if not exists domainmetadata (
                    id integer primary key, domain varchar(255) collate nocase, kind varchar(32) collate nocase, content text);
                create index if not exists domainmetaindex on domainmetadata(domain);
                create table if not exists cryptokeys (
                    id integer primary key, domain varchar(255) collate nocase, flags int not null, active bool,
                    published bool default 1, content text);
                create index if not exists domainnameindex on cryptokeys(domain);
                create table if not exists tsigkeys (
                    id integer primary key, name varchar(255) collate nocase, algorithm varchar(50) collate nocase,
                    secret varchar(255));
                create unique index if not exists namealgoindex on tsigkeys(name, algorithm);
                """
            )
            for zone in zones:
                if not zone.signed:
                    continue
                rows = [("PRESIGNED", "1")]
                if zone.nsec3 is not None:
                    iterations, salt = zone.nsec3
                    rows.append(("NSEC3PARAM", f"1 {int(zone.opt_out)} {iterations} {salt.lower()}"))
                for kind, content in rows:
                    base.execute(
                        "insert into domainmetadata (domain, kind, content) values (?, ?, ?)",
                        (zone.origin.rstrip("."), kind, content),
                    )
