"""Where secrets come from, and where they do not."""

from pathlib import Path

import pytest

from nsblast.client import Credentials, from_environment
from nsblast.client.credentials import read_secret
from nsblast.errors import InputError, NsblastError, PermissionMissing, UsageError


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.touch(0o600)
    path.write_text("a secret \r\nanother line\n")
    return path


def test_file(secret: Path) -> None:
    assert read_secret(secret) == "a secret "


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644])
def test_file_that_others_can_reach(secret: Path, mode: int) -> None:
    secret.chmod(mode)
    with pytest.raises(PermissionMissing, match="others can reach it: chmod 600"):
        read_secret(secret)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\n", b"x" * 5000])
def test_file_without_a_secret(secret: Path, content: bytes) -> None:
    secret.write_bytes(content)
    with pytest.raises(InputError, match=str(secret)):
        read_secret(secret)


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NsblastError, match="cannot read .*none: No such file"):
        read_secret(tmp_path / "none")


def test_environment(secret: Path) -> None:
    assert from_environment({}) == Credentials()
    assert from_environment({"NSBLAST_API_KEY": "k"}) == Credentials(api_key="k")
    assert from_environment({"NSBLAST_API_KEY_FILE": str(secret)}) == Credentials(api_key="a secret ")
    assert from_environment({"NSBLAST_USER": "u", "NSBLAST_PASSWORD": ""}) == Credentials("u", "")
    assert from_environment({"NSBLAST_USER": "u", "NSBLAST_PASSWORD_FILE": str(secret)}) == Credentials(
        "u", "a secret "
    )
    with pytest.raises(UsageError, match="NSBLAST_PASSWORD"):
        from_environment({"NSBLAST_USER": "u"})


def test_secrets_are_not_shown() -> None:
    assert repr(Credentials("u", "word")) == "Credentials(user='u')"
    assert "word" not in repr(Credentials(api_key="id.word"))
