"""Entries of a master file. The face and its promises: scan.pxd."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.errno cimport EINTR, ENOMEM, EFBIG, errno
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memmove, memset
from posix.unistd cimport read

from nsblast._core.entry cimport (
    EV_END, EV_ERROR, EV_GENERATE, EV_INCLUDE, EV_IO, EV_MORE, EV_RR, EV_TEXT, RDATA_OCTETS, Event, Scan, scan_next,
)
from nsblast._core.fields cimport Origin, name_from_token
from nsblast._core.name cimport name_span
from nsblast._core.rdtext cimport rdata_from_text as read_rdata
from nsblast._core.rdtext cimport rdata_is_compiled
from nsblast._core.token cimport (
    TOK_END, TOK_QUOTED, TOK_WORD, Text, Token, TokenKind, text_open, text_recover, token_fail, token_next,
)
from nsblast._core.wire cimport Writer, writer_open

import os as _os

for _name, _number in (("EV_END", EV_END), ("EV_RR", EV_RR), ("EV_TEXT", EV_TEXT), ("EV_INCLUDE", EV_INCLUDE),
                       ("EV_GENERATE", EV_GENERATE), ("EV_ERROR", EV_ERROR)):
    globals()[_name] = int(_number)
del _name, _number


cdef enum:
    NO_LINE = 0xffffffff    # the text is one line, of no file


cdef class Scanner:
    """Reads master file text from bytes or from an open file descriptor, which stays the caller's."""

    def __cinit__(self):
        self.fd = -1
        self.window = NULL
        self.scan = <Scan*> calloc(1, sizeof(Scan))
        if self.scan == NULL:
            raise MemoryError
        writer_open(&self.scan.rdata, <uint8_t*> malloc(RDATA_OCTETS), RDATA_OCTETS)
        if self.scan.rdata.base == NULL:
            raise MemoryError

    def __dealloc__(self):
        if self.scan != NULL:
            free(self.scan.rdata.base)
        free(self.scan)
        free(self.window)

    def __init__(self, source, *, bytes origin=None, Scanner parent=None, uint32_t line=0, bint searching=False):
        """origin: wire form; parent: whose origin, owner and TTLs hold at the start; line: all entries are said to stand there;
        searching: names in rdata are completed with the root while no origin is known."""
        cdef const uint8_t* at
        cdef const uint8_t* end
        if parent is not None:
            self.scan.origin = parent.scan.origin
            self.scan.owner_len = parent.scan.owner_len
            memcpy(self.scan.owners[0], parent.scan.owners[parent.scan.owner], parent.scan.owner_len)
            self.scan.has_default = parent.scan.has_default
            self.scan.default_ttl = parent.scan.default_ttl
            self.scan.has_last = parent.scan.has_last
            self.scan.last_ttl = parent.scan.last_ttl
        if origin is not None:
            if name_span(<const uint8_t*> PyBytes_AS_STRING(origin), <uint32_t> min(len(origin), 256)) != len(origin):
                raise ValueError(f"not a name in wire form: {origin!r}")
            memcpy(self.scan.origin.wire, PyBytes_AS_STRING(origin), len(origin))
            self.scan.origin.len = <uint32_t> len(origin)
        self.scan.pinned_line = line
        self.scan.searching = searching or (parent is not None and parent.scan.searching)
        if isinstance(source, bytes):
            self.source = source
            at = <const uint8_t*> PyBytes_AS_STRING(source)
            end = at + len(source)
            self.first = at
            if end - at >= 3 and at[0] == 0xef and at[1] == 0xbb and at[2] == 0xbf:
                at += 3         # a byte order mark is no part of the first name
            text_open(&self.scan.text, at, end, 1, False)
            return
        self.fd = source
        self.room = WINDOW_FIRST
        self.window = <uint8_t*> malloc(self.room)
        if self.window == NULL:
            raise MemoryError
        text_open(&self.scan.text, self.window, self.window, 1, True)
        self.scan.mark = self.window

    cdef int refill(self) noexcept nogil:
        """Move the entry under way to the window's start and read on behind it. 0, or errno."""
        cdef Text* t = &self.scan.text
        cdef size_t keep
        cdef size_t dropped
        cdef ssize_t line_offset
        cdef ssize_t got
        cdef uint8_t* larger
        dropped = t.at - self.window
        keep = self.filled - dropped
        line_offset = t.line_at - t.at
        if keep and dropped:
            memmove(self.window, t.at, keep)
        self.filled = keep
        if keep * 2 > self.room:
            if self.room >= WINDOW_MOST:
                return EFBIG
            larger = <uint8_t*> realloc(self.window, self.room * 2)
            if larger == NULL:
                return ENOMEM
            self.window = larger
            self.room *= 2
        while True:
            got = read(self.fd, self.window + self.filled, self.room - self.filled)
            if got >= 0:
                break
            if errno != EINTR:
                return errno
        if got == 0:
            t.more = False
        t.at = self.window
        if self.read_octets == 0 and got >= 3 and self.window[0] == 0xef and self.window[1] == 0xbb and self.window[2] == 0xbf:
            t.at += 3
        self.read_octets += <uint64_t> got
        self.filled += <size_t> got
        t.end = self.window + self.filled
        t.line_at = t.at + line_offset
        self.scan.mark = t.at
        return 0

    cdef Event step(self) noexcept nogil:
        cdef Scan* s = self.scan
        cdef Event event
        while True:
            if s.skipping:
                s.skipping = not text_recover(&s.text, s.mark)
                event = EV_MORE
            else:
                event = scan_next(s)
            if event != EV_MORE:
                return event
            if s.text.more and (s.skipping or s.text.at == s.text.end or s.text.hit_end):
                self.io_error = self.refill()
                if self.io_error == EFBIG:
                    s.text.expected = b"an entry of at most 256 MiB"
                    s.text.error_line = s.text.line
                    s.text.error_column = 1
                    s.text.found_len = 0
                    return EV_ERROR
                if self.io_error:
                    return EV_IO

    cdef uint64_t behind(self) noexcept nogil:
        if self.fd < 0:
            return <uint64_t> (self.scan.text.at - self.first)
        return self.read_octets - <uint64_t> (self.scan.text.end - self.scan.text.at)

    def next(self) -> int:
        """Take the next entry and say what it was. OSError when reading fails."""
        cdef Event event
        with nogil:
            event = self.step()
        if event == EV_IO:
            raise OSError(self.io_error, _os.strerror(self.io_error))
        return <int> event

    def recover(self) -> None:
        """After EV_ERROR: forget it; the next entry is the one behind."""
        self.scan.skipping = True

    def take_ttls(self, Scanner child not None) -> None:
        """The TTLs in force at the end of an included file hold from here on."""
        self.scan.has_default = child.scan.has_default
        self.scan.default_ttl = child.scan.default_ttl
        self.scan.has_last = child.scan.has_last
        self.scan.last_ttl = child.scan.last_ttl

    @property
    def owner(self):
        """Owner name of the last record, as spelled, wire form."""
        return PyBytes_FromStringAndSize(<const char*> self.scan.owners[self.scan.owner], self.scan.owner_len)

    @property
    def rrtype(self):
        return self.scan.type

    @property
    def ttl(self):
        return self.scan.ttl

    @property
    def ttl_guessed(self):
        return bool(self.scan.ttl_guessed)

    @property
    def rdata(self):
        """Rdata of the last EV_RR."""
        return PyBytes_FromStringAndSize(<const char*> self.scan.rdata.base, self.scan.rdata.at)

    @property
    def line(self):
        """Line of the last entry, from 1."""
        return self.scan.pinned_line or self.scan.line

    @property
    def origin(self):
        if self.scan.origin.len == 0:
            return None
        return PyBytes_FromStringAndSize(<const char*> self.scan.origin.wire, self.scan.origin.len)

    @property
    def error(self):
        """(line, column, what was expected, what was found) of the last EV_ERROR."""
        cdef Text* t = &self.scan.text
        if t.expected == NULL:
            raise ValueError("no error stands")
        return (self.scan.pinned_line or t.error_line, t.error_column, (<bytes> t.expected).decode("ascii"),
                PyBytes_FromStringAndSize(<const char*> t.found, t.found_len))

    @property
    def consumed(self):
        """Octets of the source behind us."""
        return self.behind()

    def words(self) -> list:
        """Arguments of the last EV_TEXT, EV_INCLUDE, EV_GENERATE: (as written, quoted, directly behind the one before, line, column)."""
        return words_of(self.scan.rest, self.scan.pinned_line)


cdef Origin origin_of(bytes wire):
    cdef Origin origin
    memset(&origin, 0, sizeof(origin))
    if wire is not None:
        if name_span(<const uint8_t*> PyBytes_AS_STRING(wire), <uint32_t> min(len(wire), 256)) != len(wire):
            raise ValueError(f"not a name in wire form: {wire!r}")
        memcpy(origin.wire, PyBytes_AS_STRING(wire), len(wire))
        origin.len = <uint32_t> len(wire)
    return origin


cdef object complaint(const Text* t):
    found = (<const char*> t.found)[:t.found_len].decode("ascii", "backslashreplace")
    return ValueError(f"expected {(<bytes> t.expected).decode('ascii')}" + (f", found '{found}'" if found else ""))


def name_from_text(bytes text not None, bytes origin=None) -> bytes:
    """Wire form of one name in master file form, completed with origin; ValueError says what is wrong."""
    cdef Origin base = origin_of(origin)
    cdef Text t
    cdef Token token
    cdef uint8_t out[512]
    cdef uint32_t n = 0
    cdef const uint8_t* at = <const uint8_t*> PyBytes_AS_STRING(text)
    text_open(&t, at, at + len(text), 1, False)
    if token_next(&t, &token) == TOK_END or len(text) == 0 or text[0] in b" \t;()\r\n":
        token_fail(&t, &token, b"a domain name")
    n = name_from_token(&t, &token, &base, out)
    if t.at != t.end:
        token_fail(&t, &token, b"a domain name and nothing behind it")
    if t.expected != NULL:
        raise complaint(&t)
    return PyBytes_FromStringAndSize(<const char*> out, n)


def rdata_from_text(uint16_t rrtype, bytes text not None, bytes origin=None):
    """Wire form of the rdata of a compiled type; None when the type is not one of them. ValueError says what is wrong."""
    cdef Origin base
    cdef Text t
    cdef Writer w
    cdef bytes room
    cdef const uint8_t* at = <const uint8_t*> PyBytes_AS_STRING(text)
    if not rdata_is_compiled(rrtype):
        return None
    base = origin_of(origin)
    room = PyBytes_FromStringAndSize(NULL, RDATA_OCTETS)
    writer_open(&w, <uint8_t*> PyBytes_AS_STRING(room), RDATA_OCTETS)
    text_open(&t, at, at + len(text), 1, False)
    read_rdata(&t, rrtype, &base, &w)
    if t.expected != NULL:
        raise complaint(&t)
    if w.bad:
        raise ValueError("expected rdata of at most 65535 octets")
    if t.at != t.end:
        raise ValueError("expected one record, found a line end")
    return room[:w.at]


cdef list words_of(Text text, uint32_t line):
    """Every word up to the end of the entry: (as written, quoted, directly behind the one before, line, column)."""
    cdef Token token
    cdef const uint8_t* end = NULL
    cdef uint32_t quote
    cdef list out = []
    cdef TokenKind kind = token_next(&text, &token)
    while kind == TOK_WORD or kind == TOK_QUOTED:
        quote = 1 if kind == TOK_QUOTED else 0
        out.append((PyBytes_FromStringAndSize(<const char*> token.at, token.len), kind == TOK_QUOTED,
                    token.at - quote == end, line or token.line, token.column))
        end = token.at + token.len + quote
        kind = token_next(&text, &token)
    if text.expected != NULL:
        raise complaint(&text)
    if text.at != text.end and line == NO_LINE:
        raise ValueError("expected one record, found a line end")
    return out


def split_words(bytes text not None) -> list:
    """Words of one line: (as written, quoted, directly behind the one before); ValueError says what is wrong."""
    cdef Text t
    cdef const uint8_t* at = <const uint8_t*> PyBytes_AS_STRING(text)
    text_open(&t, at, at + len(text), 1, False)
    return [word[:3] for word in words_of(t, NO_LINE)]
