"""Secrets of a whole run, as they are and as they travel: in no log line, no answer, no file they do not belong in.

The server logs at level debug and every query. A secret may be in the one answer that gives it, and TSIG secrets in the store, since
signing needs them (RFC 8945).
"""

import base64
import json
from pathlib import Path
from typing import Any

from nsblast.admin.app import endpoints
from tests.helpers.api import PASSWORD, Api, api
from tests.security.wire import Got, Wire, basic, key, path

USER, NEW, WRONG = "sekrit-one-password", "sekrit-two-password", "sekrit-wrong-password"
TSIG = base64.b64encode(b"sekrit-tsig-secret-of-32-octets.").decode()
COOKIE = "5ec7e7" * 5 + "00"


class Secrets:
    """What must be nowhere, by what it is; each as it is and as it is sent."""

    def __init__(self) -> None:
        self.forms: dict[str, set[bytes]] = {}
        for what, user, password in (
            ("first password", "admin", PASSWORD),
            ("user's password", "u", USER),
            ("new password", "u", NEW),
            ("wrong password", "u", WRONG),
            ("wrong password of nobody", "nobody", WRONG),
        ):
            # Base64 of what follows the name differs by where it begins: the header as it was, but for its ends.
            self.forms[what] = {password.encode(), basic(user, password)["authorization"][10:-4].encode()}
        self.forms["TSIG secret"] = {TSIG.encode(), base64.b64decode(TSIG)}
        self.forms["cookie secret"] = {COOKIE.encode(), bytes.fromhex(COOKIE)}

    def add(self, what: str, text: str) -> None:
        self.forms[what] = {text.encode(), base64.b64encode(text.encode())[:-4]}

    def check(self, place: str, octets: bytes, besides: tuple[str, ...] = ()) -> None:
        for what, forms in self.forms.items():
            for form in forms if what not in besides else ():
                assert form not in octets, f"{what} in {place}"
                assert form.hex().encode() not in octets, f"{what}, as digits, in {place}"


def mistakes(admin: Wire) -> list[Got]:
    """Requests with a secret in them that are refused."""
    form = {"content-type": "application/json"}
    wrong: list[tuple[str, str, Any]] = [
        ("POST", path("user"), {"name": "v", "password": [NEW]}),
        ("POST", path("user"), {"name": "v", "password": {"is": NEW}}),
        ("POST", path("user"), {"name": "v", "password": NEW * 100}),
        ("POST", path("user"), {"name": "v/", "password": NEW}),
        ("POST", path("user"), {"name": "v", "password": NEW, "roles": ["nothing"]}),
        ("POST", path("user"), {"name": "v", "password": NEW, "unknown": 1}),
        ("POST", path("user"), [{"name": "v", "password": NEW}]),
        ("PUT", path("user", "u"), {"name": "other", "password": NEW}),
        ("POST", path("tsigkey"), {"name": "t", "secret": [TSIG]}),
        ("POST", path("tsigkey"), {"name": "t", "secret": TSIG + "*"}),
        ("POST", path("tsigkey"), {"name": "t", "secret": TSIG * 100}),
        ("POST", path("tsigkey"), {"name": "t..", "secret": TSIG}),
        ("POST", path("tsigkey"), {"name": "t", "secret": TSIG, "algorithm": "hmac-none"}),
        ("POST", path("tsigkey"), {"name": "t", "secret": TSIG, "zones": ["a..b"]}),
    ]
    answers = [admin(method, target, json) for method, target, json in wrong]
    for raw in (b'{"name": "v", "password": "%b"' % NEW.encode(), b'{"name": "v", "password": %b}' % NEW.encode()):
        answers.append(admin("POST", path("user"), raw=raw, headers=form))
    assert [got.status for got in answers] == [400] * len(answers), [got.body for got in answers]
    return answers


def refused(server: Api, made: str) -> list[Got]:
    """Log-ins with something wrong."""
    answers = []
    for credentials in (
        basic("u", WRONG), basic("u", USER), basic("nobody", WRONG), key(made[:-1] + "x"), {"authorization": "Bearer " + made[:-2]},
        {"authorization": f"Digest {WRONG}"}, {"authorization": f"Basic {WRONG}"}, {"authorization": WRONG},
    ):  # fmt: skip
        with Wire(server, credentials, address=f"127.77.0.{len(answers) + 1}") as wire:
            answers.append(wire("GET", path("version")))
    assert [got.status for got in answers] == [401] * len(answers)
    return answers


def everything(admin: Wire) -> list[Got]:
    """All that can be read."""
    values = {
        "user": "u",
        "name": "k.test.",
        "zone": "z.test",
        "fqdn": "www.z.test",
        "tenant": "nsblast",
        "role": "Administrator",
    }
    answers = []
    for one in endpoints():
        if one.method == "GET" and one.path != "/events":
            target = one.full_path
            for name, value in values.items():
                target = target.replace("{" + name + "}", value)
            answers.append(admin("GET", target))
            answers.append(admin("GET", target + "?kind=verbose&limit=1000"))
    assert sum(got.status == 200 for got in answers) > 25
    assert not [got for got in answers if got.status >= 500]
    return answers


def test_secrets_are_nowhere(tmp_path: Path) -> None:
    secrets = Secrets()
    flags = ("--log-level", "debug", "--query-log-mode", "all", "--cookie-secret", COOKIE)
    with api(tmp_path, *flags, workers=1) as server, Wire(server, basic("admin", PASSWORD)) as admin:

        def do(method: str, target: str, json: Any) -> Any:
            got = admin(method, target, json)
            assert got.status in (200, 201), got.body
            return got.value

        do("POST", path("user"), {"name": "u", "password": USER})
        do("PUT", path("user", "u"), {"name": "u", "password": NEW})
        made = do("POST", path("apikey"), {"roles": ["Administrator"]})["key"]
        secrets.add("API key", made.split("_", 2)[2])
        do("POST", path("tsigkey"), {"name": "k.test", "secret": TSIG})
        do("POST", path("zone", "z.test"), {"ns": ["ns1.example.net"]})
        do("PUT", path("rr", "www.z.test"), {"a": ["192.0.2.1"]})
        with Wire(server, key(made)) as wire:
            assert wire("GET", path("version")).status == 200
        with Wire(server, basic("u", NEW)) as wire:
            assert wire("GET", path("version")).status == 200
        server.ask("www.z.test")
        answers = [*mistakes(admin), *refused(server, made), *everything(admin)]
        for got in answers:
            secrets.check("an answer", json.dumps(got.headers).encode() + got.body)
            assert b"$argon2" not in got.body
        shown = server.command("config", "show", check=False).stdout + server.command("status").stdout
        secrets.check("what commands show", shown.encode())
        assert server.stop() == 0
        log = server.text().encode()
        assert log.count(b"log-in refused") >= 5
        secrets.check("the log", log)
        secrets.check("the query log", (server.db_path / "query.log").read_bytes())
        assert b"$argon2" not in log
        files = {file: file.read_bytes() for file in server.db_path.rglob("*") if file.is_file()}
        for file, octets in files.items():
            secrets.check(file.name, octets, besides=("TSIG secret",))
        assert any(b"$argon2id$v=19$m=19456,t=2,p=1$" in octets for octets in files.values())
        # Hashes and TSIG secrets are in there.
        assert server.db_path.stat().st_mode & 0o007 == 0


def test_an_error_nobody_foresaw_tells_nothing(tmp_path: Path) -> None:
    """The client gets an id; the log a traceback without what variables held."""
    import asyncio

    from nsblast.admin.calls import Answer, Call, Endpoint, Site
    from nsblast.admin.rim import Rim
    from nsblast.logs import setup
    from nsblast.settings import Settings

    async def fails(call: Call) -> Answer:
        raise RuntimeError(f"no such thing as {len(call.header('x-note'))}")

    settings = Settings(db_path=tmp_path, log_file=tmp_path / "log", log_format="console", log_level="debug")
    setup(settings, "test")
    told: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        told.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    scope = {
        "type": "http", "method": "GET", "scheme": "https", "path": "/x", "raw_path": b"/x", "path_params": {}, "query_string": b"",
        "http_version": "1.1", "client": ("127.0.0.1", 1), "headers": [(b"host", b"x"), (b"x-note", USER.encode())],
    }  # fmt: skip
    endpoint = Endpoint(method="GET", path="/x", handler=fails, rooted=True, login=False)
    try:
        asyncio.run(Rim(Site(settings, None, None)).serve(endpoint, scope, receive, send))  # type: ignore[arg-type]
    finally:
        setup(Settings(), "test")
    body = told[-1]["body"]
    assert told[0]["status"] == 500
    request = dict(told[0]["headers"])[b"x-request-id"]
    assert request in body
    assert b"no such thing" not in body
    log = (tmp_path / "log").read_bytes()
    assert request in log
    assert b"no such thing" in log
    assert USER.encode() not in log
