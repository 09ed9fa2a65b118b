# Tokens of a master file (RFC 1035 5.1): words, quoted strings, ends of entries; comments, parentheses and line ends understood.
#
# Owns: the cursor over the text, its line and column, and the one error that may stand. Never: what a token means.
# Sticky: the first error stays, from then on every token is TOK_ERROR, so that a caller tests once, at its end.
# The text may be a window on a longer file (`more`): whoever saw `hit_end` then throws away what it read and asks again
# with more text. Tokens point into the text; they live as long as the window stands.

from libc.stdint cimport uint8_t, uint32_t

cdef enum:
    FOUND_OCTETS = 80       # of the offending text kept for the message

cdef enum TokenKind:
    TOK_WORD = 0            # letters as written, escapes not yet undone
    TOK_QUOTED = 1          # what stood between the quotes, escapes not yet undone
    TOK_END = 2             # the entry ends: a line end outside parentheses, or the end of the text
    TOK_ERROR = 3


cdef struct Token:
    const uint8_t* at       # first octet, inside the quotes for TOK_QUOTED
    uint32_t len            # octets
    TokenKind kind
    bint escaped            # holds a backslash
    uint32_t line           # 1..
    uint32_t column         # 1.., in octets


cdef struct Text:
    const uint8_t* at       # next octet
    const uint8_t* end      # behind the last octet of the window
    const uint8_t* line_at  # where the line of `at` begins (may lie before the window)
    uint32_t line           # of `at`, 1..
    uint32_t depth          # open parentheses
    const uint8_t* open_at  # where the outermost open one stands
    uint32_t open_line
    uint32_t open_column
    uint32_t reopened       # parentheses found never closed so far, by text_recover
    bint more               # the file goes on behind the window
    bint hit_end            # something was decided by seeing the window's end
    bint held               # token_next gives `hold` again
    Token hold
    # -- the error, when `expected` is not NULL
    const char* expected    # what was expected there, for the message
    uint32_t error_line
    uint32_t error_column
    uint32_t found_len      # 0 = the end of the line or file
    uint8_t found[80]       # text found instead, cut off


cdef void text_open(Text* t, const uint8_t* at, const uint8_t* end, uint32_t line, bint more) noexcept nogil
# The next token; TOK_ERROR once an error stands.
cdef TokenKind token_next(Text* t, Token* token) noexcept nogil
# The error "expected ... at this token", unless an earlier one stands.
cdef void token_fail(Text* t, const Token* token, const char* expected) noexcept nogil
# Forget the error and go on behind the entry that began at `mark`, whatever it is; for reports of all errors.
# False when the window ended first: the caller calls again with more text.
cdef bint text_recover(Text* t, const uint8_t* mark) noexcept nogil


cdef inline void token_hold(Text* t, const Token* token) noexcept nogil:
    """Give this token again next time."""
    t.hold = token[0]
    t.held = True


cdef inline bint token_word(Text* t, Token* token, const char* expected) noexcept nogil:
    """The next token, which must be an unquoted word."""
    if token_next(t, token) == TOK_WORD:
        return True
    token_fail(t, token, expected)
    return False


cdef inline bint token_is(const Token* token, const char* word, uint32_t n) noexcept nogil:
    """Is it this word, ASCII case aside? `word` is upper case, n octets."""
    cdef uint32_t i
    cdef uint8_t c
    if token.len != n or token.kind != TOK_WORD:
        return False
    for i in range(n):
        c = token.at[i]
        if c >= 97 and c <= 122:
            c -= 32
        if c != <uint8_t> word[i]:
            return False
    return True
