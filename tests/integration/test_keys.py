"""`nsblast key` on a stopped database and beside a running server, keys of the settings (key_files), what a key may update."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest

from tests.helpers import transfers
from tests.helpers.api import Api, api
from tests.helpers.commands import Database

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IDEyMzQ="
ZONE = "$TTL 60\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1\n"


def block(name: str) -> str:
    return f'key "{name}" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("keys")
    (folder / "settings.keys").write_text(block("file.key"))
    (folder / "zone").write_text("$ORIGIN keys.test.\n" + ZONE)
    flags = ("--key-files", str(folder / "settings.keys"), "--allow-transfer", "key:file.key")
    with api(folder, *flags, workers=1) as running:
        running.command("zone", "import", str(folder / "zone"))
        yield running


def commands(server: Api) -> Database:
    return Database(server.db_path)


def axfr(server: Api, name: str, secret: str = SECRET) -> str:
    """The rcode of a transfer; NOERROR when it is whole."""
    key = dns.tsig.Key(name, secret, "hmac-sha256")
    try:
        transfers.take(transfers.question("keys.test.", key=key), (server.address, server.port), key)
    except dns.tsig.PeerError as error:
        return type(error).__name__
    except AssertionError as error:
        return str(error) or type(error).__name__
    return "NOERROR"


def test_a_life_of_a_key(server: Api, tmp_path: Path) -> None:
    run = commands(server)
    made = run.ok("key", "generate", "life.key", "--transfer")
    secret = made.split('"')[3]
    assert axfr(server, "life.key.", secret) == "NOERROR"
    assert "life.key.  hmac-sha256  transfer\n" in run.ok("key", "list")
    assert secret not in run.ok("key", "show", "life.key")
    assert run.ok("key", "export", "life.key") == made
    assert "already" in run.fails(4, "key", "generate", "life.key")
    out = tmp_path / "out"
    run.ok("key", "export", "-o", out, "life.key")
    assert out.stat().st_mode & 0o777 == 0o600
    assert "File exists" in run.fails(71, "key", "export", "-o", out, "life.key")
    assert out.read_text() == made
    assert run.ok("key", "remove", "life.key") == "key life.key. deleted\n"
    assert axfr(server, "life.key.", secret) == "PeerBadKey"
    run.fails(3, "key", "remove", "life.key")
    run.ok("key", "import", out)
    assert axfr(server, "life.key.", secret) != "NOERROR"  # no scope was given
    run.ok("key", "import", out, "--replace", "--transfer", "--zone", "keys.test")
    assert axfr(server, "life.key.", secret) == "NOERROR"
    run.ok("key", "import", out, "--replace", "--transfer", "--zone", "other.test")
    assert axfr(server, "life.key.", secret) != "NOERROR"


def test_a_secret_that_is_known(server: Api, tmp_path: Path) -> None:
    run = commands(server)
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    assert "chmod 600" in run.fails(77, "key", "add", "known.key", "--secret-file", file)
    file.chmod(0o600)
    run.ok("key", "add", "known.key", "--secret-file", file, "--transfer")
    assert axfr(server, "known.key.") == "NOERROR"
    assert "none of" in run.fails(65, "key", "add", "x", "--secret-file", file, "--algorithm", "rot13")
    assert "RE2" in run.fails(65, "key", "add", "x", "--secret-file", file, "--regex", "(")


def test_a_stopped_database(tmp_path: Path) -> None:
    run = Database(tmp_path / "db")
    run.path.mkdir()
    (tmp_path / "zone").write_text("$ORIGIN keys.test.\n" + ZONE)
    run.ok("zone", "import", tmp_path / "zone")
    assert "no accounts yet" in run.fails(3, "key", "generate", "a.key")
    os.environ["NSBLAST_ADMIN_PASSWORD"] = "x" * 12
    try:
        run.ok("reset-auth")
    finally:
        del os.environ["NSBLAST_ADMIN_PASSWORD"]
    made = run.ok("key", "generate", "a.key", "--notify", "--network", "192.0.2.0/24")
    assert run.ok("key", "export") == made
    (told,) = run.json("key", "list")["keys"]
    assert (told["notify"], told["networks"], "secret" in told) == (True, ["192.0.2.0/24"], False)
    run.ok("key", "remove", "a.key")
    assert run.ok("key", "list") == ""


def test_keys_of_the_settings(server: Api) -> None:
    run = commands(server)
    assert axfr(server, "file.key.") == "NOERROR"
    assert "file.key.  hmac-sha256  by rules" in run.ok("key", "list")
    assert "key_files" in run.fails(77, "key", "remove", "file.key")
    with server.client() as client:
        assert client.delete("/tsigkey/file.key").status_code == 403
        assert client.get("/tsigkey/file.key").json()["value"]["source"].endswith("settings.keys")
    file = server.db_path.parent / "settings.keys"
    was = file.read_text()
    run.ok("key", "generate", "clash.key")
    for wrong, message in ((was + block("clash.key"), "stored in the database too"), ("key", "expected ; or {")):
        file.write_text(wrong)
        assert message in reload(server)
        assert axfr(server, "file.key.") == "NOERROR"
    file.write_text(block("later.key"))
    assert reload(server) == ""
    assert axfr(server, "file.key.") != "NOERROR"
    assert "later.key." in run.ok("key", "list")
    file.write_text(was)
    assert reload(server) == ""
    run.ok("key", "remove", "clash.key")


def reload(server: Api) -> str:
    """What the server says of its settings."""
    from nsblast.backend.remote import RemoteBackend
    from nsblast.errors import NsblastError

    backend = RemoteBackend(server.db_path)
    try:
        backend.command("reload")
    except NsblastError as error:
        return error.message
    finally:
        backend.close()
    return ""


def test_names_a_key_may_update(server: Api) -> None:
    run = commands(server)
    secret = run.ok("key", "generate", "up.key", "--update", "--name-below", "*.dyn.keys.test", "--regex", r"h\d+\..*|dyn\..*").split('"')[3]  # fmt: skip
    key = dns.tsig.Key("up.key.", secret, "hmac-sha256")
    for name, rcode in (("h1.dyn", "NOERROR"), ("x.dyn", "REFUSED"), ("dyn", "REFUSED"), ("h1", "REFUSED")):
        update = dns.update.UpdateMessage("keys.test.", keyring=key)
        update.add(name, 60, "A", "192.0.2.9")
        answer = dns.query.tcp(update, server.address, 5, server.port)
        assert dns.rcode.to_text(answer.rcode()) == rcode, name


@pytest.mark.parametrize("algorithm", ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"])
def test_dig_with_an_exported_key(server: Api, tmp_path: Path, algorithm: str) -> None:
    run = commands(server)
    run.ok("key", "generate", f"{algorithm}.key", "--transfer", "--algorithm", algorithm)
    file = tmp_path / "key"
    run.ok("key", "export", "-o", file, f"{algorithm}.key")
    dig = ["dig", f"@{server.address}", "-p", str(server.port), "-k", str(file), "keys.test", "AXFR", "+short"]
    try:
        done = subprocess.run(dig, capture_output=True, text=True, timeout=20, check=True)
    except FileNotFoundError:
        pytest.skip("dig is not installed")
    assert "192.0.2.1" in done.stdout


def test_a_key_file_that_is_wrong_keeps_the_server_from_starting(tmp_path: Path) -> None:
    server = Api(tmp_path, workers=1)
    server.start("--key-files", str(tmp_path / "none"), wait=False)
    try:
        assert server.wait_ended() == 78
        assert "key_files: cannot read" in server.text()
    finally:
        server.end()
