"""Files of TSIG keys as BIND's tools have them, both directions.

Owns: three forms: `key "name" { algorithm …; secret "…"; };` (tsig-keygen, named.conf, whose other statements are passed over), and the
pair K<name>.+<algorithm>+<id>.key and .private that nsupdate -k takes. Never: what a key may do, where it is kept. Every error is an
InputError that names file and line; no message shows a secret.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nsblast._core.name import fold
from nsblast.access.checks import ALGORITHMS, SECRET_OCTETS
from nsblast.access.records_v1 import TsigKey
from nsblast.errors import InputError, from_os
from nsblast.records.names import name_from_text, name_to_text

OCTETS_MOST = 4 << 20
"""Of one file."""
MD5 = "hmac-md5.sig-alg.reg.int"
# The numbers that private key files use for what DNSSEC has no numbers of.
_NUMBERS = {157: MD5, 161: "hmac-sha1", 162: "hmac-sha224", 163: "hmac-sha256", 164: "hmac-sha384", 165: "hmac-sha512"}
_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|\#[^\n]*|/\*.*?\*/)|(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<mark>[{};])|(?P<word>[^\s{};"]+)|(?P<bad>.)""",
    re.DOTALL | re.VERBOSE,
)
_PRIVATE_NAME = re.compile(r"K(?P<name>.+)\.\+\d{3}\+\d{5}\.private")
_QUOTED = re.compile(r"\\(.)")


class Found(NamedTuple):
    """One key of a file."""

    name: str
    """Absolute, lower case, with final dot."""
    algorithm: str
    secret: bytes


class _Token(NamedTuple):
    text: str
    kind: str
    line: int


def algorithm_of(text: str) -> str:
    """An algorithm as it is stored; hmac-md5 for short, in any case of letters; InputError."""
    name = text.lower().rstrip(".")
    name = MD5 if name == "hmac-md5" else name
    if name not in ALGORITHMS:
        known = ", ".join(name for name in ALGORITHMS if name != MD5)
        raise InputError(f"algorithm: {text!r} is none of {known}, hmac-md5", member="algorithm")
    return name


def secret_of(text: str) -> bytes:
    """Octets of a base64 secret of a length that is taken; InputError, which does not show it."""
    try:
        secret = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InputError("secret: not base64", member="secret") from None
    low, high = SECRET_OCTETS
    if not low <= len(secret) <= high:
        raise InputError(f"secret: {len(secret)} octets are not {low} to {high}", member="secret")
    return secret


def read_file(path: Path) -> list[Found]:
    """All keys of a file; InputError when it has none, or one twice."""
    try:
        with path.open("rb") as file:
            octets = file.read(OCTETS_MOST + 1)
    except OSError as error:
        raise from_os(error, f"read {path}") from None
    if len(octets) > OCTETS_MOST:
        raise InputError(f"{path}: larger than {OCTETS_MOST} octets", file=str(path))
    return read(octets, str(path), Path(path).name)


def read(octets: bytes, shown: str, name: str = "") -> list[Found]:
    """The same of octets; shown: what errors call them; name: the file's, which tells what .key and .private are."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise InputError(f"{shown}: not UTF-8", file=shown) from None
    if text.lstrip().startswith("Private-key-format:"):
        return [_private(text, shown, name)]
    lines = [line.split(";", 1)[0].split() for line in text.splitlines()]
    record = next((words for words in lines if words), [])
    if len(record) > 2 and "KEY" in (each.upper() for each in record[1:4]):
        return [_public(record, shown)]
    found = list(_statements(text, shown))
    if not found:
        raise InputError(f'{shown}: no key in it; expected key "name" {{ algorithm …; secret "…"; }};', file=shown)
    seen: set[str] = set()
    for key in found:
        if key.name in seen:
            raise InputError(f"{shown}: the key {key.name} is there twice", file=shown)
        seen.add(key.name)
    return found


def write(key: TsigKey) -> str:
    """A key as tsig-keygen writes it; named, nsupdate -k and dig -k read it."""
    algorithm = "hmac-md5" if key.algorithm == MD5 else key.algorithm
    secret = base64.b64encode(key.secret).decode()
    name = key.name.rstrip(".") or "."
    return f'key "{name}" {{\n\talgorithm {algorithm};\n\tsecret "{secret}";\n}};\n'


def _wrong(shown: str, line: int, message: str) -> InputError:
    return InputError(f"{shown}:{line}: {message}", file=shown, line=line)


def _key(shown: str, line: int, name: str, algorithm: str, secret: str) -> Found:
    try:
        return Found(name_to_text(fold(name_from_text(name))), algorithm_of(algorithm), secret_of(secret))
    except InputError as error:
        raise _wrong(shown, line, error.message) from None


def _private(text: str, shown: str, name: str) -> Found:
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    named = _PRIVATE_NAME.fullmatch(name)
    if named is None:
        raise InputError(
            f"{shown}: a private key file does not hold its name: call it K<name>.+NNN+NNNNN.private", file=shown
        )
    number = fields.get("Algorithm", "").split()
    if not number or not number[0].isdecimal() or int(number[0]) not in _NUMBERS or "Key" not in fields:
        raise InputError(f"{shown}: no key of TSIG: expected Algorithm 157 or 161 to 165, and Key", file=shown)
    return _key(shown, 1, named["name"], _NUMBERS[int(number[0])], fields["Key"].strip())


def _public(words: list[str], shown: str) -> Found:
    """name [ttl] IN KEY flags protocol algorithm base64…"""
    at = [each.upper() for each in words].index("KEY")
    rest = words[at + 1 :]
    if len(rest) < 4 or not rest[2].isdecimal() or int(rest[2]) not in _NUMBERS:
        raise InputError(f"{shown}: no key of TSIG: expected algorithm 157 or 161 to 165", file=shown)
    return _key(shown, 1, words[0], _NUMBERS[int(rest[2])], "".join(rest[3:]))


def _tokens(text: str, shown: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind == "bad" or (kind == "word" and match.group().startswith("/*")):
            raise _wrong(shown, line, "a quote or comment that does not end")
        if kind == "text":
            yield _Token(_QUOTED.sub(r"\1", match.group()[1:-1]), kind, line)
        elif kind != "space":
            yield _Token(match.group(), kind, line)
        line += match.group().count("\n")


def _statements(text: str, shown: str) -> Iterator[Found]:
    """The key statements of the outermost level; others are passed over, with all they hold."""
    tokens = list(_tokens(text, shown))
    at = 0
    while at < len(tokens):
        words: list[_Token] = []
        while at < len(tokens) and tokens[at].kind != "mark":
            words.append(tokens[at])
            at += 1
        line = words[0].line if words else tokens[min(at, len(tokens) - 1)].line
        if at == len(tokens):
            raise _wrong(shown, line, "expected ; or {")
        body: list[_Token] = []
        if tokens[at].text == "{":
            end = _closing(tokens, at, shown)
            body, at = tokens[at + 1 : end], end + 1
        elif tokens[at].text == "}":
            raise _wrong(shown, tokens[at].line, "} without {")
        if at == len(tokens) or tokens[at].text != ";":
            raise _wrong(shown, tokens[at - 1].line, "expected ;")
        at += 1
        if words and words[0].text.lower() == "key":
            if len(words) != 2:
                raise _wrong(shown, line, "expected one name after key")
            yield _statement(words[1], body, shown)


def _closing(tokens: list[_Token], at: int, shown: str) -> int:
    """Where the } to the { at a place stands."""
    depth = 0
    for place in range(at, len(tokens)):
        if tokens[place].kind == "mark":
            depth += {"{": 1, "}": -1}.get(tokens[place].text, 0)
        if not depth:
            return place
    raise _wrong(shown, tokens[at].line, "{ without }")


def _statement(name: _Token, body: list[_Token], shown: str) -> Found:
    given: dict[str, str] = {}
    for at in range(0, len(body), 3):
        part = body[at : at + 3]
        if len(part) != 3 or part[2].text != ";" or part[0].kind != "word" or part[1].kind == "mark":
            raise _wrong(shown, part[0].line, 'expected algorithm NAME; or secret "BASE64";')
        member = part[0].text.lower()
        if member not in ("algorithm", "secret") or member in given:
            raise _wrong(shown, part[0].line, f"{part[0].text}: expected algorithm and secret, each once")
        given[member] = part[1].text
    if len(given) != 2:
        raise _wrong(shown, name.line, f"the key {name.text} needs algorithm and secret")
    return _key(shown, name.line, name.text, given["algorithm"], given["secret"])
