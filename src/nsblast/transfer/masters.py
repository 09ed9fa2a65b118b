"""Where a secondary zone comes from: the setting "master" of its record, as values.

Owns: reading and writing that form. Never: asking anybody for anything.
The form: {hostname, port, refresh, strategy, tsig, also: [{hostname, port, tsig}]}; the masters are asked in this order.
"""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from nsblast._core.name import fold
from nsblast.errors import InputError
from nsblast.records import name_from_text, name_to_text
from nsblast.settings_values import server_of

SETTING = "master"
PORT = 53
REFRESH = 600
"""Seconds between two looks, where nothing else is said."""
MASTERS_MOST = 16


class Master(NamedTuple):
    """One server to ask."""

    host: str
    """Address or name."""
    port: int = PORT
    tsig: str = ""
    """Name of the key, absolute, lower case; empty = none."""

    @property
    def shown(self) -> str:
        """For people: 192.0.2.1, or [2001:db8::1]:5353."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.host if self.port == PORT else f"{host}:{self.port}"


class Source(NamedTuple):
    """All that the setting says."""

    masters: tuple[Master, ...]
    refresh: int = REFRESH
    incremental: bool = True


def source_of(settings: Mapping[str, Any]) -> Source | None:
    """Of a zone's record; None when it has no master. Equal sources are one object: 100 000 zones often have the same."""
    told = settings.get(SETTING)
    if not isinstance(told, dict) or not told.get("hostname"):
        return None
    first = _master(told)
    also = tuple(_master(one) for one in told.get("also", ()) if isinstance(one, dict) and one.get("hostname"))
    return _same((first, *also), int(told.get("refresh", REFRESH)), told.get("strategy", "ixfr") == "ixfr")


def _master(told: Mapping[str, Any]) -> Master:
    return Master(str(told["hostname"]), int(told.get("port", PORT)), str(told.get("tsig", "")))


@lru_cache(maxsize=1024)
def _same(masters: tuple[Master, ...], refresh: int, incremental: bool) -> Source:
    return Source(masters, refresh, incremental)


def setting_of(source: Source) -> dict[str, Any]:
    """The setting that says so."""
    first, *also = source.masters
    return {
        "hostname": first.host,
        "port": first.port,
        "refresh": source.refresh,
        "strategy": "ixfr" if source.incremental else "axfr",
        "tsig": first.tsig,
        "also": [{"hostname": one.host, "port": one.port, "tsig": one.tsig} for one in also],
    }


def parse(text: str, key: str = "") -> Master:
    """ADDRESS, NAME, ADDRESS:PORT, [ADDRESS]:PORT or ADDRESS@PORT, as somebody wrote it; InputError."""
    try:
        host, port = server_of(text, PORT)
    except ValueError as error:
        raise InputError(str(error)) from None
    if not 0 < port < 65536:
        raise InputError(f"{text!r}: {port} is no port")
    return Master(host_of(host, text), port, key_name(key) if key else "")


def host_of(host: str, shown: str) -> str:
    """An address in its usual form, or a host's name; InputError for neither."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    name = name_to_text(fold(name_from_text(host)))
    if host.replace(".", "").isdigit() or not all(c.isalnum() or c in "-._" for c in name):
        raise InputError(f"{shown!r} is neither an address nor a host's name")
    return name


def key_name(text: str) -> str:
    """A key's name as it is stored."""
    return name_to_text(fold(name_from_text(text)))
