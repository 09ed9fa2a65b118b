"""Settings: one name in every layer, strong over weak, sources kept, errors that point at the place."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsblast.errors import SettingsError
from nsblast.quantities import format_duration, format_size, parse_duration, parse_size
from nsblast.settings import Settings, changes, is_live, shown
from nsblast.settings_layers import Layers


def layers(tmp_path: Path, toml: str = "", environ: dict[str, str] | None = None, **flags: Any) -> Layers:
    path = tmp_path / "nsblast.toml"
    path.write_text(toml)
    return Layers(config=path, environ=environ or {}, flags=flags)


def test_defaults_serve_on_loopback_only(tmp_path: Path) -> None:
    loaded = layers(tmp_path).load()
    assert loaded.settings.dns_endpoint == ("127.0.0.1",)
    assert loaded.settings.udp_port == loaded.settings.tcp_port == 53
    assert str(loaded.source("dns_port")) == "default"


def test_flag_beats_environment_beats_file(tmp_path: Path) -> None:
    toml = "[dns]\nport = 1001\nudp-port = 1002\ntcp_port = 1003\n"
    environ = {"NSBLAST_DNS_UDP_PORT": "2002", "NSBLAST_DNS_TCP_PORT": "2003"}
    loaded = layers(tmp_path, toml, environ, dns_tcp_port=3003).load()
    settings = loaded.settings
    assert (settings.dns_port, settings.dns_udp_port, settings.dns_tcp_port) == (1001, 2002, 3003)
    assert str(loaded.source("dns_port")) == f"file {tmp_path}/nsblast.toml:2"
    assert str(loaded.source("dns_udp_port")) == "environment NSBLAST_DNS_UDP_PORT"
    assert str(loaded.source("dns_tcp_port")) == "flag --dns-tcp-port"


def test_flat_and_table_spelling_are_one_setting(tmp_path: Path) -> None:
    assert layers(tmp_path, "tcp_idle_timeout = '2m'").load().settings.tcp_idle_timeout == 120
    assert layers(tmp_path, "[tcp]\nidle-timeout = 7").load().settings.tcp_idle_timeout == 7
    with pytest.raises(SettingsError, match=r"toml:3: tcp_idle_timeout is set twice, first in line 1"):
        layers(tmp_path, "tcp_idle_timeout = 1\n[tcp]\nidle_timeout = 2").load()


@pytest.mark.parametrize(
    ("toml", "environ", "words"),
    [
        ("\ndns_prot = 5", {}, ["nsblast.toml:2", "dns_prot", "did you mean dns_port?"]),
        ("[tcp]\nidle_time = 5", {}, ["nsblast.toml:2", "tcp.idle_time", "did you mean tcp_idle_timeout?"]),
        ("", {"NSBLAST_DNS_PROT": "5"}, ["NSBLAST_DNS_PROT", "did you mean NSBLAST_DNS_PORT?"]),
        ("", {"NSBLAST_DNS_PORT": "abc"}, ["NSBLAST_DNS_PORT", "dns_port = 'abc'", "whole number"]),
        ("\n\ncache_size = '12 parsecs'", {}, ["nsblast.toml:3", "cache_size = '12 parsecs'", "512MiB"]),
        ("dns_endpoint = ['localhost']", {}, ["nsblast.toml:1", "'localhost' is not an IPv4 or IPv6 address"]),
        ("dns_port = 70000", {}, ["nsblast.toml:1", "dns_port = 70000", "65535"]),
        ("a = 1\ndns_port = x", {}, ["nsblast.toml:2:12"]),
        ("group = 'dns'", {}, ["group is set but user is not"]),
        ("query_log_types = ['NOSUCH']", {}, ["query_log_types", "'NOSUCH' is no record type"]),
        ("\nsecondaries = ['a.test']", {}, ["toml:2", "secondaries", "'a.test'", "ZONE MASTER"]),
        ("secondaries = ['a.test key:k']", {}, ["secondaries", "'a.test key:k'", "ZONE MASTER"]),
        ("secondaries = ['a.test ::1 key:k key:l']", {}, ["secondaries", "key:l", "ZONE MASTER"]),
        ("secondaries = ['a..test ::1']", {}, ["secondaries", "'a..test ::1'"]),
        ("secondaries = ['a.test 192.0.2.300']", {}, ["secondaries", "'192.0.2.300' is not an IPv4 or IPv6 address"]),
        ("secondaries = ['a.test 192.0.2.1:70000']", {}, ["secondaries", "192.0.2.1:70000", "70000 is no port"]),
        ("", {"NSBLAST_SECONDARIES": "a.test"}, ["NSBLAST_SECONDARIES", "'a.test'"]),
        ("[[secondaries]]\nzone = 'a.test'\nmaster = '::1'", {}, ["toml:1", "secondaries", "masters", "not master"]),
        ("[[secondaries]]\nzone = 'a.test'\nmasters = [1]", {}, ["secondaries", "masters (a list of servers)"]),
        ("[[secondaries]]\nmasters = ['::1']", {}, ["secondaries", "zone (a name)"]),
        ("allow_transfer = ['none', '::1']", {}, ["toml:1", "allow_transfer", "none stands alone"]),
        ("http_cors_origins = ['dns.example.net']", {}, ["http_cors_origins", "'dns.example.net' is no origin"]),
        ("default_name_servers = ['ns1..example']", {}, ["toml:1", "default_name_servers", "ns1..example"]),
        ("default_rname = 'a..b'", {}, ["default_rname", "a..b"]),
    ],
)
def test_error_names_place_key_and_value(tmp_path: Path, toml: str, environ: dict[str, str], words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        layers(tmp_path, toml, environ).load()
    for word in words:
        assert word in caught.value.message


def test_bad_secret_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        layers(tmp_path, environ={"NSBLAST_COOKIE_SECRET": "hunter2"}).load()
    assert "hunter2" not in caught.value.message
    good = layers(tmp_path, environ={"NSBLAST_COOKIE_SECRET": "00" * 16}).load()
    assert ("cookie_secret", "(hidden)") in [(name, value) for name, value, _ in good.rows()]


def test_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read settings file .*none.toml: No such file"):
        Layers(config=tmp_path / "none.toml", environ={}).load()


def test_lists_from_environment_and_addresses_canonical(tmp_path: Path) -> None:
    loaded = layers(tmp_path, environ={"NSBLAST_DNS_ENDPOINT": "127.0.0.1, [::1] ,0:0::2"}).load()
    assert loaded.settings.dns_endpoint == ("127.0.0.1", "::1", "::2")


def test_running_layer_takes_live_settings_only(tmp_path: Path) -> None:
    kept = layers(tmp_path, log_level="error")
    kept.running["log_level"] = "debug"
    assert kept.load().settings.log_level == "debug"
    kept.running["dns_port"] = 54
    with pytest.raises(SettingsError, match="dns_port cannot change while the server runs"):
        kept.load()


def test_changes_separates_live_from_restart() -> None:
    live, restart = changes(Settings(), Settings(udp_max=4096, workers=3))
    assert live == {"udp_max": 4096}
    assert restart == ["workers"]


def test_every_setting_has_a_meaning_and_can_be_written_back() -> None:
    defaults = Settings()
    for name, info in Settings.model_fields.items():
        assert info.description
        assert isinstance(is_live(name), bool)
        value = shown(name, getattr(defaults, name))
        if value is not None:
            assert getattr(Settings(**{name: value, "user": "x"}), name) in (getattr(defaults, name), "x")


@given(st.integers(min_value=0, max_value=1 << 50))
def test_sizes_round_trip(octets: int) -> None:
    assert parse_size(format_size(octets)) == octets


@given(st.integers(min_value=0, max_value=10**10))
def test_durations_round_trip_to_the_millisecond(milliseconds: int) -> None:
    assert abs(parse_duration(format_duration(milliseconds / 1000)) - milliseconds / 1000) < 0.0006


def test_secondaries_as_lines_and_as_tables(tmp_path: Path) -> None:
    lines = ("a.test 192.0.2.1 [2001:db8::1]:5353 key:xfr.", "b.test ns.example")
    assert layers(tmp_path, f"secondaries = {list(lines)}").load().settings.secondaries == lines
    tables = """[[secondaries]]
zone = "a.test"
masters = ["192.0.2.1", "[2001:db8::1]:5353"]
key = "xfr."
[[secondaries]]
zone = "b.test"
masters = "ns.example"
"""
    loaded = layers(tmp_path, tables).load().settings
    assert loaded.secondaries == lines
    assert is_live("secondaries")
    assert changes(Settings(), loaded)[0] == {"secondaries": lines}
