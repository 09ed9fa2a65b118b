"""After an answer: one outcome, one question type and one rcode are counted, so that counters sum to packets."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from nsblast._core.edns cimport CookieState
from nsblast._core.proto cimport FLAG_CD, FLAG_RD, HEADER_OCTETS
from nsblast._core.querylog cimport (
    LOG_AA, LOG_CD, LOG_COOKIE, LOG_DO, LOG_EDNS, LOG_RD, LOG_TC, Log, querylog_on, querylog_wants, querylog_write,
)
from nsblast._core.shm cimport WorkerSlot, load64, store64
from nsblast._core.stats cimport stats_answer, stats_packet, stats_question
from nsblast._core.txn cimport Txn


cdef void write_log(const Txn* txn, Log* log, const timespec* since) noexcept nogil:
    cdef uint8_t flags = 0
    cdef timespec now
    cdef uint64_t took
    if not querylog_wants(log, txn.client, txn.client_len, txn.qtype if txn.has_question else 0, txn.rcode):
        return
    clock_gettime(CLOCK_MONOTONIC, &now)
    took = elapsed(since, &now)
    if txn.aa:
        flags |= LOG_AA
    if txn.tc:
        flags |= LOG_TC
    if txn.flags & FLAG_RD:
        flags |= LOG_RD
    if txn.flags & FLAG_CD:
        flags |= LOG_CD
    if txn.edns.present:
        flags |= LOG_EDNS
    if txn.edns.do:
        flags |= LOG_DO
    if txn.edns.cookie == CookieState.COOKIE_GOOD:
        flags |= LOG_COOKIE
    querylog_write(log, txn.transport, txn.client, txn.client_len, txn.id,
                   txn.packet + HEADER_OCTETS if txn.has_question else NULL,
                   txn.qname.len if txn.has_question else 0, txn.qtype if txn.has_question else 0,
                   txn.qclass if txn.has_question else 0, txn.rcode, flags, txn.answer_len,
                   <uint32_t> took if took <= <uint32_t> -1 else <uint32_t> -1)


cdef void tally(const Txn* txn, WorkerSlot* slot, Log* log, const timespec* since) noexcept nogil:
    stats_packet(slot, txn.transport, txn.outcome)
    if txn.answer_len:
        if txn.has_question:
            stats_question(slot, txn.qtype)
        stats_answer(slot, txn.rcode, txn.tc, txn.packet_len, txn.answer_len)
    if log != NULL and querylog_on(log):
        write_log(txn, log, since)
        if slot != NULL:
            store64(&slot.log_written, log.written - load64(&log.lost))
            store64(&slot.log_dropped, log.dropped + load64(&log.lost))
