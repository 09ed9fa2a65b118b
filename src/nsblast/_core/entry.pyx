"""One entry of a master file. The face and its promises: entry.pxd."""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from nsblast._core.fields cimport Origin, name_from_token, ttl_from_token
from nsblast._core.mnemonic cimport type_from_text
from nsblast._core.proto cimport TTL_MAX, TYPE_META_FIRST, TYPE_META_LAST, TYPE_OPT, TYPE_SOA
from nsblast._core.rdtext cimport rdata_from_text, rdata_is_compiled
from nsblast._core.token cimport (
    TOK_END, TOK_QUOTED, TOK_WORD, Text, Token, TokenKind, token_fail, token_hold, token_is, token_next,
)
from nsblast._core.wire cimport Writer


cdef Event to_line_end(Scan* s, Event event) noexcept nogil:
    """Keep the text of the arguments for Python and pass over it."""
    cdef Token token
    cdef TokenKind kind
    s.rest = s.text
    kind = token_next(&s.text, &token)
    while kind == TOK_WORD or kind == TOK_QUOTED:
        kind = token_next(&s.text, &token)
    return event if kind == TOK_END else EV_ERROR


cdef bint at_end(Scan* s) noexcept nogil:
    """The entry must end here."""
    cdef Token token
    if token_next(&s.text, &token) == TOK_END:
        return True
    token_fail(&s.text, &token, b"the end of the line")
    return False


cdef Event directive(Scan* s, const Token* word) noexcept nogil:
    """An entry that begins with a dollar sign. EV_MORE: it was obeyed here, go on."""
    cdef Token token
    cdef uint8_t name[512]
    cdef uint32_t n
    if token_is(word, b"$TTL", 4):
        token_next(&s.text, &token)
        n = ttl_from_token(&s.text, &token)
        if not at_end(s) or s.text.expected != NULL:
            return EV_ERROR
        if not (s.text.hit_end and s.text.more):
            s.default_ttl = n
            s.has_default = True
        return EV_MORE
    if token_is(word, b"$ORIGIN", 7):
        token_next(&s.text, &token)
        n = name_from_token(&s.text, &token, &s.origin, name)
        if not at_end(s) or s.text.expected != NULL:
            return EV_ERROR
        if not (s.text.hit_end and s.text.more):
            memcpy(s.origin.wire, name, n)
            s.origin.len = n
        return EV_MORE
    if token_is(word, b"$INCLUDE", 8):
        return to_line_end(s, EV_INCLUDE)
    if token_is(word, b"$GENERATE", 9):
        return to_line_end(s, EV_GENERATE)
    token_fail(&s.text, word, b"$ORIGIN, $TTL, $INCLUDE or $GENERATE (a name that begins with a dollar sign is written \\$...)")
    return EV_ERROR


cdef bint is_foreign_class(const Token* token) noexcept nogil:
    if token.len == 2:
        return token_is(token, b"CH", 2) or token_is(token, b"HS", 2) or token_is(token, b"CS", 2)
    return token.len > 5 and token.len <= 10 and (token.at[0] | 0x20) == c'c' and token_is_class(token)


cdef bint token_is_class(const Token* token) noexcept nogil:
    """CLASSnnn, RFC 3597 5."""
    cdef Token head = token[0]
    cdef uint32_t i
    head.len = 5
    if not token_is(&head, b"CLASS", 5):
        return False
    for i in range(5, token.len):
        if token.at[i] < c'0' or token.at[i] > c'9':
            return False
    return True


cdef Event record(Scan* s, Token* token) noexcept nogil:
    """TTL, class, type and rdata; `token` is the first word behind the owner."""
    cdef Text* t = &s.text
    cdef int32_t number
    cdef bint has_ttl = False, has_class = False
    cdef uint8_t c
    while True:
        if token.kind != TOK_WORD:
            token_fail(t, token, b"a TTL, a class or a record type")
            return EV_ERROR
        c = token.at[0]
        if c'0' <= c <= c'9' and not has_ttl:
            s.ttl = ttl_from_token(t, token)
            has_ttl = True
        elif not has_class and (token_is(token, b"IN", 2) or token_is(token, b"CLASS1", 6)):
            has_class = True
        else:
            break
        token_next(t, token)
    number = type_from_text(token.at, token.len)
    if number < 0:
        token_fail(t, token, b"class IN" if is_foreign_class(token) else b"a record type" if has_ttl or has_class
                   else b"a TTL, a class or a record type")
        return EV_ERROR
    s.type = <uint16_t> number
    if s.type == 0 or s.type == TYPE_OPT or TYPE_META_FIRST <= s.type <= TYPE_META_LAST:
        token_fail(t, token, b"a type that may stand in a zone")
        return EV_ERROR
    s.ttl_guessed = False
    if has_ttl:
        pass
    elif s.has_default:
        s.ttl = s.default_ttl
    elif s.has_last:
        s.ttl = s.last_ttl
    elif s.type == TYPE_SOA:
        s.ttl_guessed = True
    else:
        token_fail(t, token, b"a TTL before the type, or a $TTL line above")
        return EV_ERROR
    return rdata(s, token, has_ttl)


cdef Event rdata(Scan* s, Token* typeword, bint has_ttl) noexcept nogil:
    cdef Text* t = &s.text
    cdef Token token
    cdef Writer* w = &s.rdata
    cdef Event event = EV_RR
    cdef Origin root
    cdef const Origin* origin = &s.origin
    w.at = 0
    w.bad = False
    if rdata_is_compiled(s.type):
        token_next(t, &token)
        token_hold(t, &token)
        if token.kind == TOK_WORD and token.len == 2 and token.at[0] == c'\\' and token.at[1] == c'#':
            event = to_line_end(s, EV_TEXT)
        else:
            if s.searching and s.origin.len == 0:
                root.wire[0] = 0
                root.len = 1
                origin = &root
            rdata_from_text(t, s.type, origin, w)
    else:
        event = to_line_end(s, EV_TEXT)
    if w.bad and t.expected == NULL:
        token_fail(t, typeword, b"rdata of at most 65535 octets")
    if t.expected != NULL:
        return EV_ERROR
    if t.hit_end and t.more:
        return EV_MORE
    if s.ttl_guessed:
        if event == EV_TEXT:
            token_fail(t, typeword, b"a TTL before the type, or a $TTL line above")
            return EV_ERROR
        s.ttl = (<uint32_t> w.base[w.at - 4] << 24 | <uint32_t> w.base[w.at - 3] << 16 | <uint32_t> w.base[w.at - 2] << 8
                 | <uint32_t> w.base[w.at - 1])
        if s.ttl > TTL_MAX:
            token_fail(t, typeword, b"a TTL before the type: the SOA's minimum is too large to stand in for it")
            return EV_ERROR
        has_ttl = True
    if has_ttl:
        s.has_last = True
        s.last_ttl = s.ttl
    return event


cdef Event entry(Scan* s) noexcept nogil:
    """One entry or blank line. EV_MORE: nothing for the caller in it."""
    cdef Text* t = &s.text
    cdef Token token
    cdef uint32_t length = s.owner_len
    cdef uint8_t which = s.owner
    cdef Event event
    cdef bint indented = t.at < t.end and (t.at[0] == c' ' or t.at[0] == c'\t')
    if token_next(t, &token) == TOK_END:
        return EV_MORE
    s.line = token.line
    if not indented:
        if token.kind == TOK_WORD and token.at[0] == c'$':
            return directive(s, &token)
        which = 1 - s.owner
        length = name_from_token(t, &token, &s.origin, s.owners[which])
        token_next(t, &token)
    elif length == 0:
        token_fail(t, &token, b"an owner name: none stands above")
    if t.expected != NULL:
        return EV_ERROR
    event = record(s, &token)
    if event == EV_RR or event == EV_TEXT:
        s.owner = which
        s.owner_len = length
    return event


cdef Event scan_next(Scan* s) noexcept nogil:
    cdef Text* t = &s.text
    cdef uint32_t line
    cdef const uint8_t* line_at
    cdef Event event
    if t.expected != NULL:
        return EV_ERROR
    while True:
        if t.at == t.end:
            s.mark = t.at
            return EV_MORE if t.more else EV_END
        s.mark = t.at
        line = t.line
        line_at = t.line_at
        t.hit_end = False
        event = entry(s)
        if t.hit_end and t.more:    # whatever it was, more text may make it something else
            t.at = s.mark
            t.line = line
            t.line_at = line_at
            t.depth = 0
            t.held = False
            t.expected = NULL
            return EV_MORE
        if event != EV_MORE:
            return event
