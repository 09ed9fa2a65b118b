"""$GENERATE: one line of a zone file that stands for many.

Owns: the range, the substitutions ($, ${offset,width,base}, \\$, $$). Never: what the lines mean; they are read like any others.
The directive is BIND's; no RFC tells it. The right side is the rest of the line; when it is one quoted string, its contents.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from nsblast.errors import InputError

Word: TypeAlias = tuple[bytes, bool, bool, int, int]
"""As written, quoted, directly behind the one before, line, column (Scanner.words)."""

LINES_AT_ONCE = 4096
OCTETS_AT_ONCE = 1 << 20
"""Of lines in one piece, about: one line may be as long as the text it stands in."""
_RANGE = re.compile(rb"(\d{1,10})-(\d{1,10})(?:/(\d{1,10}))?")
_CLASS = re.compile(rb"(?i)IN|CLASS1")
_PART = re.compile(rb"\\.|\$\$|\$\{([^}]*)\}|\$\{|\$|[^\\$]+", re.DOTALL)
_MODIFIER = re.compile(rb"(-?\d{1,10})(?:,(\d{1,3})(?:,([doxXnN]))?)?")
_MOST = 2**31 - 1


class Template:
    """One side of the directive, taken apart."""

    def __init__(self, text: bytes) -> None:
        self.parts: list[bytes | tuple[int, int, str]] = []
        for match in _PART.finditer(text):
            part = match[0]
            if part == b"$$":
                self.parts.append(b"\\$")
            elif part == b"$":
                self.parts.append((0, 0, "d"))
            elif part == b"${":
                raise InputError("a closing brace behind ${")
            elif match[1] is not None:
                self.parts.append(_modifier(match[1]))
            else:
                self.parts.append(part)

    def of(self, value: int) -> bytes:
        """The text for one value of the range."""
        return b"".join(part if isinstance(part, bytes) else _number(value + part[0], *part[1:]) for part in self.parts)


def _modifier(text: bytes) -> tuple[int, int, str]:
    match = _MODIFIER.fullmatch(text)
    if match is None or int(match[2] or 0) > 255:
        raise InputError("${offset,width,base} with a width up to 255 and base d, o, x, X, n or N")
    return int(match[1]), int(match[2] or 0), (match[3] or b"d").decode()


def _number(value: int, width: int, base: str) -> bytes:
    if not 0 <= value <= _MOST:
        raise InputError("an offset that keeps all values within 0 to 2147483647")
    if base in "nN":  # hexadecimal digits, lowest first, as labels; the dots count for the width
        digits = list(reversed(f"{value:x}" if base == "n" else f"{value:X}"))
        digits += ["0"] * ((width + 1) // 2 - len(digits))
        text = ".".join(digits)
        return (text + "." if width > len(text) else text).encode()
    return f"{value:0{width}{base}}".encode()


def lines_of(words: Sequence[Word], limit: int) -> Iterator[bytes]:
    """Entries for every value, in pieces of LINES_AT_ONCE or OCTETS_AT_ONCE. InputError says what was expected."""
    values = _range(words[0][0], limit) if words else None
    if values is None or words[0][1]:
        raise InputError("a range: start-stop or start-stop/step")
    if len(words) < 4 or words[1][1]:
        raise InputError("a range, a name, a type and rdata")
    at = 2
    while at < len(words) and (words[at][0][:1].isdigit() or _CLASS.fullmatch(words[at][0])):
        at += 1
    at += 1  # the type
    right = words[at:]
    if not right:
        raise InputError("rdata behind the type")
    middle = b" " + b" ".join(word[0] for word in words[2:at]) + b" "
    if len(right) == 1 and right[0][1]:
        text = right[0][0].replace(b'\\"', b'"')
    else:
        text = b"".join(
            (b"" if glued else b" ") + (b'"' + raw + b'"' if quoted else raw) for raw, quoted, glued, *_ in right
        )
    left_side, right_side = Template(words[1][0]), Template(text)
    lines: list[bytes] = []
    octets = 0
    for value in values:
        line = left_side.of(value) + middle + right_side.of(value) + b"\n"
        lines.append(line)
        octets += len(line)
        if len(lines) == LINES_AT_ONCE or octets >= OCTETS_AT_ONCE:
            yield b"".join(lines)
            lines.clear()
            octets = 0
    if lines:
        yield b"".join(lines)


def _range(text: bytes, limit: int) -> range | None:
    match = _RANGE.fullmatch(text)
    if match is None:
        return None
    start, stop, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if start > stop or step == 0 or stop > _MOST:
        return None
    values = range(start, stop + 1, step)
    if len(values) > limit:
        raise InputError(f"a range of at most {limit} values")
    return values
