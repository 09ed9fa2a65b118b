"""The one model of all settings: what each is called, may hold, means, and whether a running server can change it.

One name everywhere: the setting dns_port is `dns_port` (or [dns] port) in the TOML file, NSBLAST_DNS_PORT in the
environment and --dns-port as a flag. How the layers are put together is settings_layers.py's business; this file never
reads anything. Settings objects are frozen: a reload makes a new one, and only fields declared live may differ from
those the server started with.
"""

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nsblast.settings_values import (
    Access,
    Addresses,
    ChaosText,
    DomainName,
    DomainNames,
    Duration,
    Followed,
    HexSecret,
    Identifier,
    LogLevel,
    Networks,
    Origins,
    Port,
    QueryLogMode,
    Rcodes,
    RdataTypes,
    Secondaries,
    Shown,
    Size,
    Texts,
)


def _setting(default: Any, text: str, *, live: bool = False, secret: bool = False, **limits: Any) -> Any:
    """A field: its default, what it means, whether it can change while running, whether it must not be shown."""
    return Field(default, description=text, json_schema_extra={"live": live, "secret": secret}, **limits)


class Settings(BaseModel):
    """What one server was told; every field has a default that serves on 127.0.0.1."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    # -- where the data is
    db_path: Path = _setting(Path("/var/lib/nsblast"), "folder of the database")
    cache_size: Size = _setting(
        256 << 20, "memory of the shared entry cache and name filter, all workers together", ge=4 << 20
    )
    block_cache: Size = _setting(64 << 20, "RocksDB's block cache, in each process", ge=1 << 20)
    import_memory: Size = _setting(256 << 20, "memory an import may use before it sorts on disk", ge=16 << 20)
    journal_age: Duration = _setting(
        30 * 86400.0, "change-sets older than this are forgotten; 0 = never by age", live=True
    )
    journal_size: Size = _setting(1 << 30, "octets of change-sets kept in all; 0 = no limit", live=True)
    journal_zone_size: Size = _setting(
        256 << 20, "octets of change-sets kept of one zone, the oldest go first; 0 = no limit", live=True
    )

    # -- backups
    backup_path: Path | None = _setting(None, "folder of backups; none = backups in db_path")
    backup_every: Duration = _setting(
        0, "time between two backups that the server makes by itself; 0 = none", live=True
    )
    backup_keep: int = _setting(0, "after a scheduled backup only so many of the newest stay; 0 = all", live=True, ge=0)

    # -- DNS
    dns_endpoint: Addresses = _setting(("127.0.0.1",), "addresses served, 0.0.0.0 and :: for all", min_length=1)
    dns_port: Port = _setting(53, "port of UDP and TCP")
    dns_udp_port: Port | None = _setting(None, "port of UDP where it differs from dns_port")
    dns_tcp_port: Port | None = _setting(None, "port of TCP where it differs from dns_port")
    workers: int = _setting(0, "DNS worker processes; 0 = one for each processor", ge=0, le=256)
    udp_max: int = _setting(
        1232, "largest UDP answer in octets, whatever the client allows", live=True, ge=512, le=4096
    )
    udp_buffer: Size = _setting(4 << 20, "receive and send buffer asked for each UDP socket", ge=4096)
    udp_gso: bool = _setting(
        True, "hand the kernel answers of one length to one client together (UDP_SEGMENT), where it can", live=True
    )
    any_full: bool = _setting(False, "answer ANY with all RRsets over UDP (RFC 8482 advises one)", live=True)
    nsid: Identifier = _setting("", "RFC 5001 identifier, text or 0x…; empty = none", live=True)
    chaos: bool = _setting(
        True, "answer version.bind, version.server, id.server and hostname.bind in class CH", live=True
    )
    version_text: ChaosText = _setting("nsblast", "what version.bind says; empty = refused", live=True)
    server_id: ChaosText = _setting("", "what id.server says; empty = refused", live=True)
    cookies: bool = _setting(True, "DNS cookies (RFC 7873)", live=True)
    cookies_required: bool = _setting(
        False, "UDP clients without a right cookie get BADCOOKIE or a short answer", live=True
    )
    cookie_secret: HexSecret = _setting("", "32 hex digits; empty = random at start", live=True, secret=True)
    cookie_secret_old: HexSecret = _setting("", "the secret before, still accepted", live=True, secret=True)

    # -- TCP
    tcp_connections: int = _setting(
        4000,
        "connections open at once, over all workers; an idle one gives way, else one that keeps us waiting",
        live=True,
        ge=1,
    )
    tcp_per_address: int = _setting(
        100, "connections of one address (an IPv6 /64 is one) to one worker", live=True, ge=1
    )
    tcp_idle_timeout: Duration = _setting(
        10.0, "a connection with nothing under way is closed after this", live=True, gt=0
    )
    tcp_lifetime: Duration = _setting(
        3600.0, "a connection is closed after this in any case; 0 = never", live=True, ge=0
    )
    tcp_query_timeout: Duration = _setting(3.0, "a message begun must be whole within this", live=True, gt=0)
    tcp_write_timeout: Duration = _setting(
        5.0, "a client must take something waiting for it within this", live=True, gt=0
    )
    tcp_backlog: int = _setting(1024, "connections the system queues until they are accepted", ge=1)

    # -- other name servers
    allow_query: Access = _setting(
        ("any",),
        "who may ask about zones that have no rule of their own: addresses, networks, key:NAME, any",
        live=True,
    )
    allow_transfer: Access = _setting((), "who may transfer them, likewise; nobody, unless told", live=True)
    allow_notify: Access = _setting((), "who may notify of changes, likewise", live=True)
    allow_update: Access = _setting((), "who may send dynamic updates, likewise", live=True)
    key_files: Texts = _setting(
        (), "files of TSIG keys in BIND's form, read at start and reload; rules say what they may (key:NAME)", live=True
    )
    notify: Secondaries = _setting(
        (),
        "secondaries told of changes of zones that name none: ADDRESS, ADDRESS@PORT, either with key:NAME behind",
        live=True,
    )
    notify_ns: bool = _setting(
        True, "tell the hosts of a zone's NS set of changes too, but for the SOA's master and ourselves", live=True
    )
    notify_delay: Duration = _setting(
        0.5, "a zone that changes all the time is told of once in this time", live=True, ge=0, le=3600
    )
    notify_timeout: Duration = _setting(3.0, "time a secondary has to answer", live=True, gt=0, le=60)
    notify_interval: Duration = _setting(
        60.0, "time until one that did not answer twice is told again, doubled each time", live=True, gt=0, le=86400
    )
    notify_tries: int = _setting(5, "times one is told of one change that does not answer", live=True, ge=1, le=20)
    tsig_md5: bool = _setting(False, "take keys of algorithm hmac-md5 (RFC 8945 advises against)", live=True)
    transfers_out: int = _setting(32, "transfers to other servers under way at once, over all workers", live=True, ge=1)
    transfers_kept: Size = _setting(
        1 << 30,
        "octets of large zones kept as they were sent, for the next who asks and the next version: in files beside the database; 0 = none",
        live=True,
    )
    transfers_per_client: int = _setting(8, "the same to one address, from one worker", live=True, ge=1)

    secondaries: Followed = _setting(
        (),
        "zones kept as secondaries: ZONE MASTER [MASTER…] [key:NAME]; in a file also [[secondaries]] tables",
        live=True,
    )
    transfers_in: int = _setting(
        32, "transfers from masters under way at once; a tenant that has none gets one beyond them", live=True, ge=1
    )
    transfers_in_per_master: int = _setting(8, "the same from one master, by its address", live=True, ge=1)
    transfers_in_per_tenant: int = _setting(16, "the same for one tenant's zones", live=True, ge=1)
    transfer_in_limit: Size = _setting(
        8 << 30, "octets taken of one transfer from a master; 0 = any number, up to a full disk", live=True
    )
    transfer_in_idle: Duration = _setting(30.0, "a master must send a message within this", live=True, gt=0)
    transfer_in_time: Duration = _setting(7200.0, "a transfer from a master must be done within this", live=True, gt=0)
    transfer_in_rate: Size = _setting(
        1 << 10, "octets a second a master must send at least, on average over transfer_in_window; 0 = any", live=True
    )
    transfer_in_window: Duration = _setting(
        60.0, "time spent waiting for a master after which transfer_in_rate is looked at", live=True, gt=0
    )
    transfer_source: Addresses = _setting(
        (),
        "address that masters and NOTIFYs are spoken to from, one of each family; 0.0.0.0 or :: = the system's choice; none = the one that is served",
    )
    refresh_min: Duration = _setting(
        5.0, "least time between two looks at a master, whatever the SOA says", live=True, gt=0
    )
    refresh_max: Duration = _setting(86400.0, "most time between them", live=True, gt=0)
    retry_min: Duration = _setting(5.0, "least time until a look that failed is tried again", live=True, gt=0)
    retry_max: Duration = _setting(3600.0, "most time until then", live=True, gt=0)

    # -- HTTP, for the admin API
    http_endpoint: Addresses = _setting(("127.0.0.1",), "addresses of the admin API; empty = no API")
    http_port: Port = _setting(8053, "port of the admin API")
    http_tls_certificate: Path | None = _setting(
        None, "PEM file of certificate and chain, read again when it changes; none = plain HTTP"
    )
    http_tls_key: Path | None = _setting(None, "PEM file of the key; none = it is in http_tls_certificate")
    http_plain_basic: bool = _setting(False, "take passwords over plain HTTP from other machines too", live=True)
    http_body_limit: Size = _setting(64 << 20, "largest body of a request", live=True, ge=1024)
    http_connections: int = _setting(1000, "connections to the admin API at once; further ones get 503", ge=1)
    http_per_address: int = _setting(
        250, "connections of one address (an IPv6 /64 is one); further ones get 503; 0 = no limit", live=True, ge=0
    )
    http_head_timeout: Duration = _setting(10.0, "the head of a request must be whole within this", live=True, gt=0)
    http_idle_timeout: Duration = _setting(75.0, "a connection without a request is closed after this", ge=1)
    http_write_timeout: Duration = _setting(
        30.0, "a client must take some of an answer that waits for it within this, 4 KiB a second", live=True, gt=0
    )
    http_cors_origins: Origins = _setting(
        (), "origins whose pages may use the API from a browser; * = all, none = none"
    )
    metrics_public: bool = _setting(False, "/metrics without credentials", live=True)
    default_name_servers: DomainNames = _setting(
        (), "NS of new zones that bring none; the first is the mname of their SOA", live=True
    )
    default_rname: DomainName = _setting(
        "hostmaster", "mailbox in the SOA of new zones that bring none; one label = in the zone", live=True
    )

    admin_password: str = _setting(
        "", "password of user admin when the first accounts are made; empty = random, in password.txt", secret=True
    )
    password_min: int = _setting(
        12, "characters a new password must have at least; those there are stay valid", live=True, ge=1, le=256
    )

    # -- logs
    log_level: LogLevel = _setting("info", "debug, info, warning or error", live=True)
    log_format: Literal["auto", "json", "console"] = _setting(
        "auto", "auto = console on a terminal, else json", live=True
    )
    log_file: Path | None = _setting(None, "file the log is appended to; none = standard error", live=True)
    query_log_mode: QueryLogMode = _setting(
        "off", "off, errors (rcode not NOERROR or NXDOMAIN), sampled or all", live=True
    )
    query_log_sample: int = _setting(100, "with sampled: one of this many queries", live=True, ge=1)
    query_log_format: Literal["json", "plain"] = _setting("json", "form of a line", live=True)
    query_log_file: Path | None = _setting(None, "file of the query log; none = query.log in db_path", live=True)
    query_log_types: RdataTypes = _setting((), "only these query types; none = all", live=True)
    query_log_rcodes: Rcodes = _setting((), "only these rcodes; none = all", live=True)
    query_log_clients: Networks = _setting((), "only clients in these networks; none = all", live=True)

    # -- processes
    user: str = _setting("", "user to become after the ports are bound")
    group: str = _setting("", "group to become; empty = the user's own")
    stop_timeout: Duration = _setting(10.0, "time given to finish what is under way when stopping", live=True, gt=0)
    catch_up: Duration = _setting(0.1, "longest time a worker lags behind the store", live=True, gt=0, le=5)

    @model_validator(mode="after")
    def _agree(self) -> "Settings":
        if self.group and not self.user:
            raise ValueError("group is set but user is not")
        if len(set(self.dns_endpoint)) != len(self.dns_endpoint):
            raise ValueError("dns_endpoint names an address twice")
        if len({":" in each for each in self.transfer_source}) != len(self.transfer_source):
            raise ValueError("transfer_source names two addresses of one family")
        if self.cookies_required and not self.cookies:
            raise ValueError("cookies_required is set but cookies is off")
        return self

    @property
    def udp_port(self) -> int:
        """The UDP port in force."""
        return self.dns_udp_port or self.dns_port

    @property
    def tcp_port(self) -> int:
        """The TCP port in force."""
        return self.dns_tcp_port or self.dns_port

    @property
    def worker_count(self) -> int:
        """Number of workers in force."""
        return self.workers or len(os.sched_getaffinity(0))

    @property
    def nsid_octets(self) -> bytes:
        """The NSID as it is sent."""
        return bytes.fromhex(self.nsid[2:]) if self.nsid.startswith("0x") else self.nsid.encode()

    @property
    def query_log_path(self) -> Path:
        """The query log's file in force."""
        return self.query_log_file or self.db_path / "query.log"


def is_live(name: str) -> bool:
    """Whether a running server can change this setting."""
    return bool(_extra(name).get("live"))


def is_secret(name: str) -> bool:
    """Whether the value must not be shown."""
    return bool(_extra(name).get("secret"))


def shown(name: str, value: Any) -> Any:
    """A value in the form it is read in: text for sizes, durations and paths, lists for lists, a mask for secrets."""
    if value is not None and value != "" and is_secret(name):
        return "(hidden)"
    for mark in Settings.model_fields[name].metadata:
        if isinstance(mark, Shown):
            return mark.write(value)
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def changes(old: Settings, new: Settings) -> tuple[dict[str, Any], list[str]]:
    """What differs: live values that may be taken over, and names of others that need a restart."""
    differing = [name for name in Settings.model_fields if getattr(old, name) != getattr(new, name)]
    return {n: getattr(new, n) for n in differing if is_live(n)}, [n for n in differing if not is_live(n)]


def _extra(name: str) -> dict[str, Any]:
    extra = Settings.model_fields[name].json_schema_extra
    return extra if isinstance(extra, dict) else {}
