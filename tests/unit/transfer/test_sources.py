"""transfer/sources.py: which address of ours is spoken from."""

import pytest

from nsblast.settings import Settings
from nsblast.transfer import sources
from nsblast.transfer.sources import Sources, is_local

OURS = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "127.0.0.5", "127.0.0.1", "::1")


@pytest.fixture(autouse=True)
def _ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "is_local", OURS.__contains__)


@pytest.mark.parametrize(
    ("told", "served", "to", "source"),
    [
        ((), ("192.0.2.1",), "198.51.100.1", "192.0.2.1"),
        ((), ("192.0.2.1",), "2001:db8::9", ""),
        ((), ("192.0.2.1", "2001:db8::1"), "2001:db8::9", "2001:db8::1"),
        ((), ("192.0.2.1", "192.0.2.2"), "198.51.100.1", ""),
        ((), ("192.0.2.1", "127.0.0.1"), "198.51.100.1", "192.0.2.1"),
        ((), ("192.0.2.1", "127.0.0.5"), "127.0.0.9", "127.0.0.5"),
        ((), ("127.0.0.5",), "198.51.100.1", ""),
        ((), ("0.0.0.0", "192.0.2.1"), "198.51.100.1", ""),
        ((), ("0.0.0.0", "2001:db8::1"), "2001:db8::9", "2001:db8::1"),
        ((), ("192.0.2.77",), "198.51.100.1", ""),
        (("192.0.2.2",), ("192.0.2.1",), "198.51.100.1", "192.0.2.2"),
        (("192.0.2.2",), ("192.0.2.1", "2001:db8::1"), "2001:db8::9", "2001:db8::1"),
        (("192.0.2.77",), ("192.0.2.1",), "198.51.100.1", "192.0.2.77"),
        (("0.0.0.0",), ("192.0.2.1",), "198.51.100.1", ""),
        (("2001:db8:0::1", "192.0.2.2"), ("192.0.2.1",), "2001:db8::9", "2001:db8::1"),
    ],
)
def test_choice(told: tuple[str, ...], served: tuple[str, ...], to: str, source: str) -> None:
    found = Sources(told, served)
    assert found.to(to) == source
    assert found.to(to) == source


def test_an_address_of_this_machine() -> None:
    assert is_local("127.0.0.77")
    assert not is_local("192.0.2.1")


def test_the_setting_takes_one_of_each_family() -> None:
    settings = Settings(transfer_source=("192.0.2.1", "2001:DB8::1"))
    assert settings.transfer_source == ("192.0.2.1", "2001:db8::1")
    with pytest.raises(ValueError, match="transfer_source names two addresses of one family"):
        Settings(transfer_source=("192.0.2.1", "192.0.2.2"))
