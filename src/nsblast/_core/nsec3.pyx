"""Hashed owner names: parameters, hash, label (nsec3.pxd). RFC 5155 3.2, 4.2, 5; RFC 4648 7 for base32hex."""

import ctypes
import hashlib

from libc.stdint cimport uint64_t, uintptr_t
from libc.string cimport memcmp

from nsblast._core.proto cimport TYPE_NSEC3, TYPE_NSEC3PARAM
from nsblast._core.rrset cimport Rrset, entry_find, rrset_next
from nsblast._core.wire cimport Reader, reader_bad, reader_open, reader_take, reader_u8, reader_u16

cdef enum:
    HASH_SHA1 = 1
    CONTEXT_OCTETS = 256    # more than twice the SHA_CTX of any libcrypto


cdef struct Context:
    uint8_t octets[256]
    double alignment


cdef bint sha1_there(const Sha1* sha1) noexcept nogil:
    return sha1.init != NULL


cdef int sha1_of_hashlib(Sha1* sha1) except -1:
    sha1.init = NULL
    sha1.update = NULL
    sha1.final = NULL
    # hashlib's own module depends on the library it uses, so a look-up through it finds that library's functions and no others.
    module = getattr(hashlib, "_hashlib", None)
    path = getattr(module, "__file__", None)
    if path is None:
        return 0
    try:
        library = ctypes.CDLL(path)
        addresses = [ctypes.cast(getattr(library, name), ctypes.c_void_p).value
                     for name in ("SHA1_Update", "SHA1_Final", "SHA1_Init")]
    except (OSError, AttributeError):
        return 0
    sha1.update = <sha1_update> <void*> <uintptr_t> addresses[0]
    sha1.final = <sha1_final> <void*> <uintptr_t> addresses[1]
    sha1.init = <sha1_init> <void*> <uintptr_t> addresses[2]
    return 0


cdef inline bint read_params(Reader* r, Params* params, uint8_t* algorithm, uint8_t* flags) noexcept nogil:
    """What NSEC3 and NSEC3PARAM begin with."""
    algorithm[0] = reader_u8(r)
    flags[0] = reader_u8(r)
    params.iterations = reader_u16(r)
    params.salt_len = reader_u8(r)
    params.salt = reader_take(r, params.salt_len)
    return not reader_bad(r)


cdef Status nsec3_params(const Entry* apex, Params* params) noexcept nogil:
    cdef Rrset rrset
    cdef Reader r
    cdef uint16_t length = 0
    cdef uint16_t _i
    cdef uint8_t algorithm = 0, flags = 0
    cdef const uint8_t* rdata
    cdef Status status = entry_find(apex, TYPE_NSEC3PARAM, &rrset)
    if status != Status.OK:
        return status
    for _i in range(rrset.count):
        rdata = rrset_next(&rrset, &length)
        if rdata == NULL:
            return Status.CORRUPT
        reader_open(&r, rdata, length)
        if read_params(&r, params, &algorithm, &flags) and algorithm == HASH_SHA1 and flags == 0:
            return Status.OK
    return Status.ABSENT


cdef Status nsec3_record(const Entry* entry, const Params* params, Record* record) noexcept nogil:
    cdef Rrset rrset
    cdef Reader r
    cdef uint16_t length = 0
    cdef uint16_t _i
    cdef uint8_t algorithm = 0, flags = 0
    cdef const uint8_t* rdata
    cdef Status status = entry_find(entry, TYPE_NSEC3, &rrset)
    if status != Status.OK:
        return status
    for _i in range(rrset.count):
        rdata = rrset_next(&rrset, &length)
        if rdata == NULL:
            return Status.CORRUPT
        reader_open(&r, rdata, length)
        if not read_params(&r, &record.params, &algorithm, &flags) or algorithm != HASH_SHA1:
            continue
        if record.params.iterations != params.iterations or record.params.salt_len != params.salt_len \
                or memcmp(record.params.salt, params.salt, params.salt_len) != 0:
            continue
        if reader_u8(&r) != SHA1_OCTETS:
            continue
        record.next = reader_take(&r, SHA1_OCTETS)
        if record.next != NULL:
            return Status.OK
    return Status.ABSENT


cdef void nsec3_hash(const Sha1* sha1, const Params* params, const uint8_t* wire, uint32_t length, uint8_t* label) noexcept nogil:
    cdef Context context
    cdef uint8_t digest[20]
    cdef uint32_t round = 0
    sha1.init(&context)
    sha1.update(&context, wire, length)
    while True:
        if params.salt_len:
            sha1.update(&context, params.salt, params.salt_len)
        sha1.final(digest, &context)
        if round == params.iterations:
            break
        round += 1
        sha1.init(&context)
        sha1.update(&context, digest, SHA1_OCTETS)
    nsec3_label(digest, label)


cdef void nsec3_label(const uint8_t* digest, uint8_t* label) noexcept nogil:
    cdef uint64_t five
    cdef uint32_t i, j
    cdef uint8_t c
    for i in range(4):
        five = 0
        for j in range(5):
            five = five << 8 | digest[5 * i + j]
        for j in range(8):
            c = <uint8_t> (five >> (35 - 5 * j) & 31)
            label[8 * i + j] = c + 48 if c < 10 else c + 87     # 0..9, a..v
