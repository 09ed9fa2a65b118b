"""The kinds of values that settings have: what text each takes, the one spelling it is kept in, and how it is written back.

Owns: validators and the annotated types made of them. Never: which settings there are (settings.py), where they come from.
What is wrong is a ValueError that repeats the text and says what was expected; secrets are not repeated.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import dns.exception
import dns.rcode
import dns.rdatatype
from pydantic import AfterValidator, BeforeValidator, Field

from nsblast._core.name import fold
from nsblast.errors import InputError
from nsblast.quantities import format_duration, format_size, parse_duration, parse_size
from nsblast.records.names import name_from_text, name_to_text


@dataclass(frozen=True)
class Shown:
    """How a value is written back in the form it is read in."""

    write: Callable[[Any], str]


def _list_of_text(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(part for part in value if part != "") if isinstance(value, list) else value


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv4 or IPv6 address") from None


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ValueError(f"{text!r} is not an address or network like 192.0.2.0/24") from None


def access_item(text: str) -> str:
    """One item of an access rule as it is stored: an address, a network, key:NAME, any or none; ValueError for anything else."""
    item = text.strip().lower()
    if item in ("any", "none"):
        return item
    if item.startswith("key:"):
        try:
            return "key:" + name_to_text(fold(name_from_text(item.removeprefix("key:"))))
        except InputError as error:
            raise ValueError(f"{text!r}: {error.message}") from None
    try:
        network = ipaddress.ip_network(item, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is no address, no network like 192.0.2.0/24, nor key:NAME, any or none") from None
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def notify_item(text: str) -> str:
    """A secondary as it is stored: ADDRESS, ADDRESS@PORT, either with " key:NAME"; ValueError for anything else."""
    found = re.fullmatch(r"([0-9A-Fa-f.:]+)(?:@([0-9]{1,5}))?(?:\s+key:(\S+))?", text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no address, ADDRESS@PORT or ADDRESS@PORT key:NAME")
    address, port = _address(found[1]), int(found[2] or 53)
    if not 1 <= port <= 65535:
        raise ValueError(f"{text!r}: port {port} is none of 1 to 65535")
    key = " " + access_item(f"key:{found[3]}") if found[3] else ""
    return f"{address}{'' if port == 53 else f'@{port}'}{key}"


def _secret(text: str) -> str:
    if text and not re.fullmatch("[0-9a-fA-F]{32}", text):
        raise ValueError("expected 32 hexadecimal digits (128 bits, RFC 9018)")
    return text.lower()


def _identifier(text: str) -> str:
    if text.startswith("0x"):
        try:
            raw = bytes.fromhex(text[2:])
        except ValueError:
            raise ValueError("after 0x only pairs of hexadecimal digits may follow") from None
    else:
        raw = text.encode()
    if len(raw) > 128:
        raise ValueError("longer than 128 octets")
    return text


def _chaos_text(text: str) -> str:
    if len(text.encode()) > 255:
        raise ValueError("longer than one TXT string holds (255 octets)")
    return text


def _rdatatype(text: str) -> str:
    try:
        return dns.rdatatype.to_text(dns.rdatatype.from_text(text))
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"{text!r} is no record type like AAAA or TYPE65280") from None


def _rcode(text: str) -> str:
    try:
        return dns.rcode.to_text(dns.rcode.from_text(text))
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"{text!r} is no response code like NXDOMAIN or SERVFAIL") from None


def _secondary_list(value: object) -> object:
    """Lines, or the tables [[secondaries]] of a settings file: zone, masters, key."""
    if not isinstance(value, list):
        return _list_of_text(value)
    lines = []
    for one in value:
        if isinstance(one, dict):
            if unknown := sorted(set(one) - {"zone", "masters", "key"}):
                raise ValueError(f"a table of secondaries has zone, masters and key, not {unknown[0]}")
            masters = one.get("masters", [])
            key = [f"key:{one['key']}"] if one.get("key") else []
            words = [one.get("zone", ""), *([masters] if isinstance(masters, str) else masters), *key]
            if not all(isinstance(word, str) and word and not word.split()[1:] for word in words):
                raise ValueError(
                    "a table of secondaries has zone (a name), masters (a list of servers), and perhaps key"
                )
            lines.append(" ".join(words))
        else:
            lines.append(one)
    return _list_of_text(lines)


def _secondary(text: str) -> str:
    """ZONE MASTER… [key:NAME]."""
    zone, *rest = text.split()
    masters = [word for word in rest if not word.startswith("key:")]
    if not masters or len(rest) - len(masters) > 1:
        raise ValueError(f"{text!r}: expected ZONE MASTER [MASTER…] [key:NAME]")
    try:
        name_from_text(zone)
        for word in rest:
            if word.startswith("key:"):
                name_from_text(word.removeprefix("key:"))
    except InputError as error:
        raise ValueError(f"{text!r}: {error.message}") from None
    for word in masters:
        host, port = server_of(word)
        if host.replace(".", "").isdigit() or ":" in host:
            _address(host)
        if not 0 < port < 65536:
            raise ValueError(f"{text!r}: {port} is no port")
    return " ".join((zone, *rest))


def server_of(text: str, port: int = 53) -> tuple[str, int]:
    """Host and port of ADDRESS, NAME, ADDRESS:PORT, [ADDRESS]:PORT or ADDRESS@PORT; ValueError."""
    host, given = text.strip(), ""
    if host.startswith("["):
        host, _, rest = host[1:].partition("]")
        given = rest.removeprefix(":")
        if rest and not rest.startswith(":"):
            raise ValueError(f"{text!r} is no server: expected [ADDRESS]:PORT")
    elif "@" in host:
        host, _, given = host.partition("@")
    elif host.count(":") == 1:
        host, _, given = host.partition(":")
    if not host or (given and not given.isdigit()):
        raise ValueError(f"{text!r} is no server: expected ADDRESS, NAME, ADDRESS:PORT or [ADDRESS]:PORT")
    return host, int(given or port)


def _alone(items: tuple[str, ...]) -> tuple[str, ...]:
    if "none" in items and len(items) > 1:
        raise ValueError("none stands alone")
    return items


def _origin(text: str) -> str:
    if text != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s?#@]+", text):
        raise ValueError(f"{text!r} is no origin like https://dns.example.net, nor *")
    return text


def _name(text: str) -> str:
    try:
        name_from_text(text, b"\0")
    except InputError as error:
        raise ValueError(error.message) from None
    return text


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Size = Annotated[int, BeforeValidator(parse_size), Shown(format_size)]
Duration = Annotated[float, BeforeValidator(parse_duration), Shown(format_duration)]
Port = Annotated[int, Field(ge=1, le=65535)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_list_of_text)]
RdataTypes = Annotated[tuple[Annotated[str, AfterValidator(_rdatatype)], ...], BeforeValidator(_list_of_text)]
Rcodes = Annotated[tuple[Annotated[str, AfterValidator(_rcode)], ...], BeforeValidator(_list_of_text)]
Addresses = Annotated[tuple[Annotated[str, AfterValidator(_address)], ...], BeforeValidator(_list_of_text)]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], BeforeValidator(_list_of_text)]
Access = Annotated[
    tuple[Annotated[str, AfterValidator(access_item)], ...], BeforeValidator(_list_of_text), AfterValidator(_alone)
]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], BeforeValidator(_list_of_text)]
DomainName = Annotated[str, AfterValidator(_name)]
DomainNames = Annotated[tuple[DomainName, ...], BeforeValidator(_list_of_text)]
Secondaries = Annotated[tuple[Annotated[str, AfterValidator(notify_item)], ...], BeforeValidator(_list_of_text)]
Followed = Annotated[tuple[Annotated[str, AfterValidator(_secondary)], ...], BeforeValidator(_secondary_list)]
HexSecret = Annotated[str, AfterValidator(_secret)]
Identifier = Annotated[str, AfterValidator(_identifier)]
ChaosText = Annotated[str, AfterValidator(_chaos_text)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]
QueryLogMode = Annotated[Literal["off", "errors", "sampled", "all"], BeforeValidator(_lower)]
