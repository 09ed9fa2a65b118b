# Stage 3: what the look-up found becomes a Plan: answer, authority, additional, DNSSEC proofs (RFC 4035 3.1, 5155 7.2).

from nsblast._core.nodes cimport Sources
from nsblast._core.status cimport Status
from nsblast._core.txn cimport Txn

# `found` is what lookup returned. OK (plan, rcode, aa are set), FOLLOW (sname is the next name), or MISS, BUSY, CORRUPT, SERVFAIL.
cdef Status answer(Txn* txn, const Sources* src, Status found) noexcept nogil
