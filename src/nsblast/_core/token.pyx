"""Tokens of a master file. The face and its promises: token.pxd. RFC 1035 5.1."""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr, memcpy

cdef extern from *:
    """
    /* What an octet means between tokens and in a word. */
    enum { NSB_PLAIN, NSB_BLANK, NSB_LF, NSB_CR, NSB_COMMENT, NSB_OPEN, NSB_CLOSE, NSB_QUOTE, NSB_ESCAPE, NSB_CONTROL };
    static const unsigned char nsb_meaning[256] = {
        9, 9, 9, 9, 9, 9, 9, 9, 9, 1, 2, 9, 9, 3, 9, 9,  9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
        1, 0, 7, 0, 0, 0, 0, 0, 5, 6, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9,
    };
    """
    enum:
        PLAIN "NSB_PLAIN"
        BLANK "NSB_BLANK"
        LF "NSB_LF"
        CR "NSB_CR"
        COMMENT "NSB_COMMENT"
        OPEN "NSB_OPEN"
        CLOSE "NSB_CLOSE"
        QUOTE "NSB_QUOTE"
        ESCAPE "NSB_ESCAPE"
        CONTROL "NSB_CONTROL"
    const unsigned char[256] meaning "nsb_meaning"


cdef enum:
    REOPENED_MOST = 100


cdef void text_open(Text* t, const uint8_t* at, const uint8_t* end, uint32_t line, bint more) noexcept nogil:
    t.at = at
    t.end = end
    t.line_at = at
    t.line = line
    t.depth = 0
    t.open_at = at
    t.reopened = 0
    t.open_line = 0
    t.open_column = 0
    t.more = more
    t.hit_end = False
    t.held = False
    t.expected = NULL
    t.error_line = 0
    t.error_column = 0
    t.found_len = 0


cdef inline void place(const Text* t, Token* token) noexcept nogil:
    token.at = t.at
    token.len = 0
    token.escaped = False
    token.line = t.line
    token.column = <uint32_t> (t.at - t.line_at) + 1


cdef void token_fail(Text* t, const Token* token, const char* expected) noexcept nogil:
    cdef uint32_t n
    if t.expected != NULL:
        return
    t.expected = expected
    t.error_line = token.line
    t.error_column = token.column
    n = token.len if token.len < FOUND_OCTETS else FOUND_OCTETS
    t.found_len = n
    if n:
        memcpy(t.found, token.at, n)


cdef inline TokenKind fail_here(Text* t, Token* token, const char* expected, bint show) noexcept nogil:
    """An error at the cursor itself; `show`: the octet there is what was found."""
    place(t, token)
    if show and t.at < t.end:
        token.len = 1
    token.kind = TOK_ERROR
    token_fail(t, token, expected)
    return TOK_ERROR


cdef TokenKind read_quoted(Text* t, Token* token) noexcept nogil:
    cdef const uint8_t* p = t.at + 1
    cdef uint8_t c
    token.at = p
    while p < t.end:
        c = p[0]
        if c == c'"':
            token.len = <uint32_t> (p - token.at)
            t.at = p + 1
            token.kind = TOK_QUOTED
            return TOK_QUOTED
        if c == c'\\':
            token.escaped = True
            p += 1
            if p == t.end:
                break
            c = p[0]
        if c == c'\n' or c == 0:
            break
        p += 1
    if p == t.end:
        t.hit_end = True
    token.kind = TOK_ERROR      # at the opening quote: what is behind it may be anything
    token_fail(t, token, b"a closing quote for this one on the same line")
    return TOK_ERROR


cdef TokenKind read_word(Text* t, Token* token) noexcept nogil:
    cdef const uint8_t* p = t.at
    cdef const uint8_t* end = t.end
    cdef uint8_t what
    cdef bint dangling = False
    while p < end:
        what = meaning[p[0]]
        if what == PLAIN:
            p += 1
            continue
        if what != ESCAPE:
            break
        token.escaped = True
        p += 1
        if p == end:
            dangling = True
            break
        if p[0] == c'\n' or p[0] == 0:
            t.at = p - 1
            return fail_here(t, token, b"a character after the backslash", True)
        p += 1
    if p == end:
        t.hit_end = True
        if dangling and not t.more:
            t.at = p - 1
            return fail_here(t, token, b"a character after the backslash", True)
    token.len = <uint32_t> (p - t.at)
    t.at = p
    token.kind = TOK_WORD
    return TOK_WORD


cdef TokenKind token_next(Text* t, Token* token) noexcept nogil:
    cdef const uint8_t* p
    cdef uint8_t what
    if t.held:
        t.held = False
        token[0] = t.hold
        return token.kind
    if t.expected != NULL:
        place(t, token)
        token.kind = TOK_ERROR
        return TOK_ERROR
    while t.at < t.end:
        what = meaning[t.at[0]]
        if what == PLAIN or what == ESCAPE:
            place(t, token)
            return read_word(t, token)
        if what == BLANK:
            t.at += 1
        elif what == LF:
            place(t, token)
            t.at += 1
            t.line += 1
            t.line_at = t.at
            if t.depth == 0:
                token.kind = TOK_END
                return TOK_END
        elif what == CR:
            if t.at + 1 == t.end:
                t.hit_end = True
            elif t.at[1] != c'\n':
                return fail_here(t, token, b"a line feed after the carriage return", False)
            t.at += 1
        elif what == COMMENT:
            p = <const uint8_t*> memchr(t.at, c'\n', t.end - t.at)
            t.at = p if p != NULL else t.end
        elif what == OPEN:
            if t.depth == 0:
                t.open_at = t.at
                t.open_line = t.line
                t.open_column = <uint32_t> (t.at - t.line_at) + 1
            t.depth += 1
            t.at += 1
        elif what == CLOSE:
            if t.depth == 0:
                return fail_here(t, token, b"an opening parenthesis before this one", True)
            t.depth -= 1
            t.at += 1
        elif what == QUOTE:
            place(t, token)
            return read_quoted(t, token)
        else:
            return fail_here(t, token, b"text (control characters are written \\DDD)", True)
    t.hit_end = True
    place(t, token)
    if t.depth and not t.more:
        token.line = t.open_line
        token.column = t.open_column
        token.kind = TOK_ERROR
        token_fail(t, token, b"a closing parenthesis for the one opened here")
        return TOK_ERROR
    token.kind = TOK_END
    return TOK_END


cdef bint text_recover(Text* t, const uint8_t* mark) noexcept nogil:
    cdef const uint8_t* p
    cdef bint inside = t.depth != 0
    # Never closed: what follows the line it was opened in counts again. Not too often, since each time reads to the end.
    if inside and t.at == t.end and not t.more and t.open_at != NULL and t.reopened < REOPENED_MOST:
        t.reopened += 1
        t.at = t.open_at
        t.line = t.open_line
        t.line_at = t.open_at - (t.open_column - 1)
    t.held = False
    t.expected = NULL
    if not inside and t.at == t.line_at and t.at != mark:
        return True                                 # the line end was read before the error was seen
    while t.at < t.end:
        p = <const uint8_t*> memchr(t.at, c'\n', t.end - t.at)
        if p == NULL:
            break
        if inside and p + 1 == t.end and t.more:
            t.at = p            # what the next line begins with decides, and is not read yet
            break
        t.at = p + 1
        t.line += 1
        t.line_at = t.at
        # Inside parentheses the next line that begins with a name is taken for the next entry: one error, one report.
        if not inside or (t.at < t.end and meaning[t.at[0]] in (PLAIN, ESCAPE)):
            t.depth = 0
            return True
    t.hit_end = True
    if not t.more:
        t.at = t.end
        t.depth = 0
        return True
    if t.at == t.end or t.at[0] != c'\n':
        t.at = t.end
    t.open_at = NULL        # the window is about to move
    return False
