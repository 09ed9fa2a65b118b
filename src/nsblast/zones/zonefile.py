"""Master files: reading a zone's text with all its directives, writing a zone as text.

Owns: which file is read when ($INCLUDE, and that it stays inside the folder of the file), $GENERATE's place, finding the
apex, positions in messages. Never: what an entry means (_core.entry), the rules of a zone (_core.collect), the store.
RFC 1035 5, 2308 4, 3597 5. $TTL set in an included file holds on behind it; origin and owner do not (RFC 1035 5.1).
"""

import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

from nsblast._core import rdshow, scan
from nsblast._core.collect import FED_FOREIGN, FED_PAUSE
from nsblast._core.keys import split_owner_key
from nsblast._core.name import fold
from nsblast._core.rrset import unpack_entry
from nsblast.errors import InputError, ZoneFileError
from nsblast.records import from_words, name_from_text, name_to_text, quoted, to_text, type_name
from nsblast.types import Wire
from nsblast.zones.generate import Word, lines_of

Source: TypeAlias = Path | bytes
"""A file, or the text itself (which can include nothing)."""
OnProgress: TypeAlias = Callable[[int, int], None]
"""Octets read so far, octets there are (grows with each $INCLUDE)."""
OnProblem: TypeAlias = Callable[[ZoneFileError], None]

GENERATE_LIMIT = 1 << 24
"""Records one $GENERATE may stand for, unless told otherwise."""
FOREIGN = "a name inside the zone"
"""What an error about out-of-zone data says was expected."""
_SLICE = 8 << 20
_DEPTH = 32
_FILES = 0xFFFF
_SOA = 6
_CHUNK = 1 << 20


class Sink(Protocol):
    """Where records go: the collector, or what looks for one of them."""

    def feed(self, scanner: scan.Scanner, file: int, octets: int, /) -> int:
        """As Collector.feed."""

    def add(self, owner: bytes, rrtype: int, ttl: int, rdata: bytes, file: int, line: int, /) -> bool:
        """As Collector.add."""


class ZoneReader:
    """Reads a zone's text into a sink, once."""

    def __init__(
        self,
        source: Source,
        *,
        origin: Wire | None = None,
        title: str = "",
        generate_limit: int = GENERATE_LIMIT,
        generate_octets: int = 0,
        on_progress: OnProgress | None = None,
        on_problem: OnProblem | None = None,
        searching: bool = False,
    ) -> None:
        """title: what messages call a source that is no file; generate_octets: of the text that all $GENERATE stand for, 0 = any; on_problem: goes on behind what is wrong instead of
        raising it; searching: names in rdata are completed with the root while no origin is known."""
        self.source = source
        self.origin = origin
        self.generate_limit = generate_limit
        self.generate_octets = generate_octets
        self.on_progress = on_progress
        self.on_problem = on_problem
        self.searching = searching
        self.title = title or (str(source) if isinstance(source, Path) else "zone text")
        self.files: list[str] = []
        """Names of the files by the number that records carry."""
        self._folder = os.path.realpath(source.parent) if isinstance(source, Path) else None
        self._open: list[tuple[int, int]] = []
        self._done = 0
        self._total = 0
        self._generated = 0

    def read(self, sink: Sink) -> None:
        """All records into the sink. ZoneFileError, unless there is on_problem; OSError when reading or sorting fails midway."""
        if isinstance(self.source, bytes):
            self._total = len(self.source)
            self._start(self.source, sink)
            return
        with self._opened(os.fspath(self.source)) as fd:
            self._start(fd, sink)

    def _start(self, source: bytes | int, sink: Sink) -> None:
        scanner = scan.Scanner(source, origin=self.origin, searching=self.searching)
        self._run(scanner, sink, self._number(self.title), self.title)

    def error(self, file: int, line: int, expected: str, found: str) -> ZoneFileError:
        """An error at a record of a file known by its number; line 0 = the zone as a whole."""
        path = self.files[file] if self.files else self.title
        return ZoneFileError(path, line, self._column(path, line), expected, found)

    def _column(self, path: str, line: int) -> int:
        """Where the record in a line begins. Records do not keep it: it is looked up for the one error that is told."""
        source = self.source if path == self.title else Path(path)
        try:
            with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as lines:
                text = next(islice(lines, line - 1, None), b"") if line else b""
        except OSError:
            return 0
        return len(text) - len(text.lstrip()) + 1 if text.strip() else 0

    def _number(self, path: str) -> int:
        if path in self.files[-64:]:
            return self.files.index(path)
        if len(self.files) > _FILES:
            raise ZoneFileError(self.title, 0, 0, f"at most {_FILES} files in one zone")
        self.files.append(path)
        return len(self.files) - 1

    @contextmanager
    def _opened(self, path: str, flags: int = 0) -> Iterator[int]:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | flags)
        except OSError as error:
            raise ZoneFileError(path, 0, 0, f"a file that can be read ({error.strerror})") from None
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise ZoneFileError(path, 0, 0, "an ordinary file")
            self._total += status.st_size
            self._open.append((status.st_dev, status.st_ino))
            try:
                yield fd
            finally:
                self._open.pop()
        finally:
            os.close(fd)

    def _problem(self, scanner: scan.Scanner | None, error: ZoneFileError) -> None:
        if self.on_problem is None:
            raise error
        self.on_problem(error)
        if scanner is not None:
            scanner.recover()

    def _run(self, scanner: scan.Scanner, sink: Sink, file: int, path: str, *, generated: int = 0) -> None:
        """generated: column of the $GENERATE that the text comes from."""
        before = self._done
        while True:
            event = sink.feed(scanner, file, _SLICE)
            if not generated:
                self._done = max(self._done, before + scanner.consumed)
                if self.on_progress is not None:
                    self.on_progress(self._done, self._total)
            if event == FED_PAUSE:
                continue
            if event == scan.EV_END:
                return
            if event == FED_FOREIGN:
                self._problem(None, self._foreign(path, scanner.line, scanner.owner))
            elif event == scan.EV_ERROR:
                line, column, expected, found = scanner.error
                shown = quoted(found.decode("utf-8", "surrogateescape")) if found else "the end of the line"
                self._problem(scanner, ZoneFileError(path, line, generated or column, expected, shown))
            elif event == scan.EV_TEXT:
                self._rare(scanner, sink, file, path, generated)
            elif event == scan.EV_INCLUDE:
                self._include(scanner, sink, path)
            else:
                self._generate(scanner, sink, file, path)

    def _foreign(self, path: str, line: int, owner: Wire) -> ZoneFileError:
        # Where all problems are wanted, a file is not read again for each of them.
        column = self._column(path, line) if self.on_problem is None else 0
        return ZoneFileError(path, line, column, FOREIGN, name_to_text(owner))

    def _rare(self, scanner: scan.Scanner, sink: Sink, file: int, path: str, generated: int) -> None:
        """A record whose rdata dnspython reads."""
        words = scanner.words()
        try:
            origin = scanner.origin or (b"\0" if self.searching else None)
            rdata = from_words(scanner.rrtype, [word[:3] for word in words], origin)
        except InputError as error:
            line, column = (words[0][3], words[0][4]) if words else (scanner.line, 0)
            expected = f"rdata of type {type_name(scanner.rrtype)} ({error.message.partition(': ')[2]})"
            self._problem(None, ZoneFileError(path, line, generated or column, expected, _beginning(words)))
            return
        if not sink.add(scanner.owner, scanner.rrtype, scanner.ttl, rdata, file, scanner.line):
            self._problem(None, self._foreign(path, scanner.line, scanner.owner))

    def _generate(self, scanner: scan.Scanner, sink: Sink, file: int, path: str) -> None:
        words: list[Word] = scanner.words()
        try:
            for text in lines_of(words, self.generate_limit):
                self._generated += len(text)
                if 0 < self.generate_octets < self._generated:
                    raise InputError(f"$GENERATE lines that stand for at most {self.generate_octets} octets in all")
                child = scan.Scanner(text, parent=scanner, line=scanner.line)
                self._run(child, sink, file, path, generated=words[0][4])
                scanner.take_ttls(child)
        except ZoneFileError:
            raise
        except InputError as error:
            column = words[0][4] if words else 0
            self._problem(None, ZoneFileError(path, scanner.line, column, error.message, _beginning(words)))

    def _include(self, scanner: scan.Scanner, sink: Sink, path: str) -> None:
        words: list[Word] = scanner.words()
        line, column = scanner.line, words[0][4] if words else 0
        with ExitStack() as stack:
            try:
                inner, origin = self._target(words, scanner, path)
                fd = stack.enter_context(self._opened(inner, os.O_NOFOLLOW))
                self._must_be_inside(os.readlink(f"/proc/self/fd/{fd}"))
                if self._open[-1] in self._open[:-1]:
                    raise InputError("a file that does not include itself")
                if len(self._open) > _DEPTH:
                    raise InputError(f"at most {_DEPTH} files inside one another")
            except InputError as error:
                said = error.expected if isinstance(error, ZoneFileError) else error.message
                found = quoted(words[0][0].decode("utf-8", "surrogateescape")) if words else "the end of the line"
                self._problem(None, ZoneFileError(path, line, column, said, found))
                return
            child = scan.Scanner(fd, origin=origin, parent=scanner)
            self._run(child, sink, self._number(inner), inner)
        scanner.take_ttls(child)

    def _target(self, words: list[Word], scanner: scan.Scanner, path: str) -> tuple[str, Wire | None]:
        """(real path of the file to include, origin to read it with)."""
        if not 1 <= len(words) <= 2:
            raise InputError("a file name, and perhaps an origin")
        if self._folder is None:
            raise InputError("no $INCLUDE: this text lies in no folder")
        name = os.fsdecode(_unescaped(words[0][0]))
        if "\0" in name:
            raise InputError("a file name without zero octets")
        inner = os.path.realpath(os.path.join(os.path.dirname(path), name))
        self._must_be_inside(inner)
        origin = scanner.origin
        if len(words) == 2:
            text = words[1][0]
            if origin is None and not text.endswith(b"."):
                raise InputError("an origin that ends in a dot")
            origin = name_from_text(text, origin)
        return inner, origin

    def _must_be_inside(self, path: str) -> None:
        assert self._folder is not None
        if os.path.commonpath([self._folder, path]) != self._folder:
            raise InputError(f"a file inside {self._folder}")


def _beginning(words: list[Word]) -> str:
    """As much of an entry's words as a message shows."""
    return quoted(b" ".join(word[0] for word in words)[:80].decode("utf-8", "surrogateescape"))


def _unescaped(text: bytes) -> bytes:
    out = bytearray()
    at = 0
    while at < len(text):
        if text[at] != 0x5C:
            out.append(text[at])
            at += 1
        elif text[at + 1 : at + 4].isdigit() and len(text) >= at + 4 and int(text[at + 1 : at + 4]) < 256:
            out.append(int(text[at + 1 : at + 4]))
            at += 4
        else:
            out += text[at + 1 : at + 2]
            at += 2
    return bytes(out)


class _FoundError(Exception):
    """The search is over."""

    def __init__(self, owner: Wire) -> None:
        self.owner = owner


class _Search:
    """A sink that waits for the first SOA."""

    def feed(self, scanner: scan.Scanner, file: int, octets: int) -> int:
        until = scanner.consumed + octets
        while True:
            event = scanner.next()
            if event == scan.EV_RR and scanner.rrtype == _SOA:
                raise _FoundError(scanner.owner)
            if event != scan.EV_RR:
                return event
            if scanner.consumed >= until:
                return FED_PAUSE

    def add(self, owner: bytes, rrtype: int, ttl: int, rdata: bytes, file: int, line: int) -> bool:
        if rrtype == _SOA:
            raise _FoundError(owner)
        return True


def find_apex(source: Source, *, title: str = "", generate_limit: int = GENERATE_LIMIT, tolerant: bool = False) -> Wire:
    """Owner of the first SOA, lower case. ZoneFileError when there is none, or (unless tolerant) for what is wrong above it."""
    reader = ZoneReader(
        source,
        title=title,
        generate_limit=generate_limit,
        on_problem=(lambda _: None) if tolerant else None,
        searching=True,
    )
    try:
        reader.read(_Search())
    except _FoundError as found:
        return fold(found.owner)
    raise ZoneFileError(reader.title, 0, 0, "a SOA record")


def write_zone(out: BinaryIO, entries: Iterable[tuple[bytes, bytes]]) -> int:
    """Write stored entries, (owner key, blob) ascending, as a zone file, SOA first; returns the number of records.

    Streams: memory does not grow with the zone. What is written reads back to the same zone.
    """
    count = 0
    waiting: list[bytes] = []
    size = 0
    for number, (key, blob) in enumerate(entries):
        owner = split_owner_key(key)[0]
        if blob[6]:
            owner = unpack_entry(blob).spelling
        if number == 0:
            waiting.append(rdshow.entry_lines(owner, blob, to_text, only=_SOA))
        waiting.append(rdshow.entry_lines(owner, blob, to_text, but=_SOA if number == 0 else 0))
        size += len(waiting[-1])
        if size >= _CHUNK:
            text = b"".join(waiting)
            count += text.count(b"\n")
            out.write(text)
            waiting.clear()
            size = 0
    text = b"".join(waiting)
    out.write(text)
    return count + text.count(b"\n")
