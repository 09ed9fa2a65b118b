"""After an answer: one outcome, one question type and one rcode are counted, so that counters sum to packets."""

from libc.stdint cimport uint32_t

from nsblast._core.shm cimport WorkerSlot
from nsblast._core.stats cimport stats_answer, stats_packet, stats_question
from nsblast._core.txn cimport Txn


cdef void tally(const Txn* txn, WorkerSlot* slot, uint32_t latency_ns) noexcept nogil:
    stats_packet(slot, txn.transport, txn.outcome)
    if txn.answer_len:
        if txn.has_question:
            stats_question(slot, txn.qtype)
        stats_answer(slot, txn.rcode, txn.tc, txn.packet_len, txn.answer_len)
