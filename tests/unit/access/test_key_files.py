"""BIND's key files: every form, and one line for whatever is wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsblast.access.key_files import MD5, Found, read, read_file, write
from nsblast.access.records_v1 import TsigKey
from nsblast.errors import InputError, NsblastError

SECRET = "c2VjcmV0IHNlY3JldA=="
RIGHT = Found("k.example.", "hmac-sha256", b"secret secret")


@pytest.mark.parametrize(
    "text",
    [
        f'key "k.example" {{\n\talgorithm hmac-sha256;\n\tsecret "{SECRET}";\n}};\n',
        f"key K.Example. {{ secret {SECRET}; algorithm HMAC-SHA256; }};",
        f"""# c\n// c\n/* key x {{ }}; */ options {{ directory "/key"; listen-on {{ any; }}; }};
        key "k.example"{{algorithm hmac-sha256;secret "{SECRET}";}};include "x";""",
        f"k.example. IN KEY 512 3 163 {SECRET}\n",
        "; c\nk.example. 0 IN KEY 512 3 163 c2VjcmV0IHNl Y3JldA==",
    ],
)
def test_forms(text: str) -> None:
    assert read(text.encode(), "f") == [RIGHT]


def test_a_private_file_is_called_by_its_key(tmp_path: Path) -> None:
    path = tmp_path / "Kk.example.+163+00042.private"
    path.write_text(f"Private-key-format: v1.3\nAlgorithm: 163 (HMAC_SHA256)\nKey: {SECRET}\nBits: AAA=\n")
    assert read_file(path) == [RIGHT]
    with pytest.raises(InputError, match=r"does not hold its name"):
        read_file(path.rename(tmp_path / "other.private"))


@pytest.mark.parametrize("number", [157, 161, 162, 163, 164, 165])
def test_numbers_of_algorithms(number: int) -> None:
    names = {157: MD5, 161: "hmac-sha1", 162: "hmac-sha224", 163: "hmac-sha256", 164: "hmac-sha384", 165: "hmac-sha512"}
    assert read(f"k. IN KEY 512 3 {number} {SECRET}".encode(), "f")[0].algorithm == names[number]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no key in it"),
        ("options { };", "no key in it"),
        (f'key "k" {{ algorithm hmac-sha9; secret "{SECRET}"; }};', "f:1: algorithm: 'hmac-sha9' is none of"),
        ('\n\nkey "k" { algorithm hmac-sha1; };', "f:3: the key k needs"),
        ('key "k" {\nalgorithm hmac-sha1; algorithm hmac-sha1; };', "f:2: algorithm: expected"),
        ('key "k" { algorithm hmac-sha1; secret "!"; };', "f:1: secret: not base64"),
        ('key "k" { algorithm hmac-sha1; secret "AAAA"; };', "f:1: secret: 3 octets"),
        (f'key "a..b" {{ algorithm hmac-sha1; secret "{SECRET}"; }};', "f:1: not a domain name"),
        ('key "k" { algorithm hmac-sha1;', "f:1: { without }"),
        ("key k }", "f:1: } without {"),
        ("key k", "f:1: expected ; or {"),
        ('key "k', "f:1: a quote or comment"),
        ("/* x", "f:1: a quote or comment"),
        (f"k. IN KEY 257 3 13 {SECRET}", "f: no key of TSIG"),
        (f'key k {{ algorithm hmac-sha1; secret "{SECRET}"; }};' * 2, "f: the key k. is there twice"),
    ],
)
def test_what_is_wrong_is_named(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text.encode(), "f")
    assert message in caught.value.message
    assert SECRET not in caught.value.message


@given(st.binary(max_size=200) | st.text('key"{};/*\n# algorithm secret hmac-sha1', max_size=80).map(str.encode))
def test_any_octets_are_keys_or_one_error(octets: bytes) -> None:
    try:
        found = read(octets, "f", "Kx.+163+00001.private")
    except NsblastError as error:
        message = error.message
    else:
        assert found
        return
    assert message.startswith("f:")


@pytest.mark.parametrize("algorithm", ["hmac-sha1", "hmac-sha512", MD5])
def test_what_is_written_reads_back(algorithm: str) -> None:
    key = TsigKey(tenant="", name="k.example.", algorithm=algorithm, secret=b"s" * 32)
    assert read(write(key).encode(), "f") == [Found("k.example.", algorithm, b"s" * 32)]
