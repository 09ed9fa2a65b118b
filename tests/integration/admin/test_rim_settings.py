"""TLS and CORS of the admin API, and clients that misbehave: over real connections."""

import base64
import json
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from nsblast.control import Client as Control
from tests.helpers.api import PASSWORD, Api, api

SOA = "$ORIGIN large.test.\n@ 60 SOA ns.example. h.example. 1 2 3 4 5\n@ 60 NS ns.example.\n"


def certificate(path: Path, name: str) -> None:
    """A new key and self-signed certificate in one file."""
    key, cert = path.with_suffix(".k"), path.with_suffix(".c")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", f"/CN={name}"]
    subprocess.run(command, check=True, capture_output=True)
    draft = path.with_suffix(".new")
    draft.write_bytes(key.read_bytes() + cert.read_bytes())
    draft.replace(path)


def test_tls_follows_a_new_certificate(tmp_path: Path) -> None:
    pem = tmp_path / "api.pem"
    certificate(pem, "first")
    with api(tmp_path, "--http-tls-certificate", str(pem), workers=1) as server:
        place = (server.address, server.http_port)

        def served() -> bytes:
            return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(place))

        assert b"first" in served()
        url = f"https://{server.address}:{server.http_port}/healthz"
        assert httpx.get(url, verify=False).json()["value"] == "alive"
        pem.write_text("nonsense")
        time.sleep(0.1)
        certificate(pem, "second")
        deadline = time.monotonic() + 15
        while b"second" not in served() and time.monotonic() < deadline:
            time.sleep(0.2)
        assert b"second" in served()


def test_a_certificate_that_is_none_is_one_clear_error(tmp_path: Path) -> None:
    pem = tmp_path / "api.pem"
    pem.write_text("nonsense")
    with (
        pytest.raises(AssertionError, match="http_tls_certificate .*fit together"),
        api(tmp_path, "--http-tls-certificate", str(pem)),
    ):
        pass


def test_origins_that_are_named_may_ask(tmp_path: Path) -> None:
    with api(tmp_path, "--http-cors-origins", "https://panel.example", workers=1) as server:
        ask = {"origin": "https://panel.example", "access-control-request-method": "PUT"}
        allowed = httpx.options(f"{server.url}/api/v1/zone/x", headers=ask)
        assert allowed.headers["access-control-allow-origin"] == "https://panel.example"
        other = httpx.get(f"{server.url}/healthz", headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers


def talk(server: str, port: int, *parts: bytes) -> bytes:
    with socket.create_connection((server, port), 10) as sock:
        for part in parts:
            sock.sendall(part)
        sock.settimeout(10)
        whole = b""
        while part := sock.recv(65536):
            whole += part
        return whole


def unread(server: Api, target: str, pause: float) -> bytes:
    """What comes of an answer of some 10 MB to a client that takes nothing for a while."""
    with socket.socket() as sock:
        if pause:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        sock.settimeout(10)
        sock.connect((server.address, server.http_port))
        who = base64.b64encode(f"admin:{PASSWORD}".encode())
        sock.sendall(b"GET %s HTTP/1.1\r\nhost: x\r\nauthorization: Basic %s\r\n\r\n" % (target.encode(), who))
        whole = sock.recv(1000)
        time.sleep(pause)
        try:
            while part := sock.recv(1 << 20):
                whole += part
                if len(whole) > LARGE:
                    break
        except ConnectionResetError:
            pass
        return whole


LARGE = 8 << 20


def test_who_does_not_take_an_answer_is_broken_off(tmp_path: Path) -> None:
    """Streamed or whole; who takes it slowly gets all of it."""
    texts = " ".join(f'"{"x" * 250}"' for _ in range(100))
    zone = "".join(f"n{number} 60 TXT {number} {texts}\n" for number in range(400))
    targets = ("/api/v1/zone/large.test/export", "/api/v1/zone/large.test?kind=verbose&limit=1000")
    with api(tmp_path, workers=1) as server:
        with server.client() as http:
            made = http.put("/zone/large.test", content=SOA + zone, headers={"content-type": "text/dns"})
            assert made.status_code == 201, made.text
        for target in targets:
            assert len(unread(server, target, 0.0)) > LARGE
        with Control(server.db_path, 10) as control:
            control.call("set", changes={"http_write_timeout": "300ms"})
        with ThreadPoolExecutor(2) as pool:
            assert all(len(got) < LARGE for got in pool.map(lambda target: unread(server, target, 2.0), targets))
        assert len(server.events("a client did not take its answer")) == 2
        assert not [event for event in server.events() if event["level"] == "error"]


def test_clients_that_send_too_much_or_too_slowly(tmp_path: Path) -> None:
    with api(tmp_path, "--http-head-timeout", "1s", "--http-body-limit", "2KiB", workers=1) as server:
        place = (server.address, server.http_port)
        start = b"GET /healthz HTTP/1.1\r\nhost: x\r\n"
        large = talk(*place, start + b"x: " + b"y" * 40000 + b"\r\n\r\n")
        assert large.startswith(b"HTTP/1.1 431 ")
        assert json.loads(large.split(b"\r\n\r\n", 1)[1])["rcode"] == 431
        assert talk(*place, start + b"a: b\r\n" * 200 + b"\r\n").startswith(b"HTTP/1.1 431 ")
        assert talk(*place, b"\x16\x03\x01 nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        began = time.monotonic()
        assert talk(*place, start).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began < 5
        with server.client() as http:
            assert http.put("/rr/x.test", content=b" " * 3000).status_code == 413
            answer = http.put("/rr/x.test", content=iter([b" " * 1500, b" " * 1500]))
            assert answer.status_code == 413
            assert http.get("/version").status_code == 200
