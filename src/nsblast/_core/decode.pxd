# Stage 1: octets to Txn. Header rules, question, OPT, position of a TSIG; who gets silence, who FORMERR.
# RFC 1035 4.1, 6891 6.1.1, 8906, 9619, 7873 5.4, 8945 5.1.

from nsblast._core.edns cimport EdnsConfig
from nsblast._core.name cimport Seed
from nsblast._core.status cimport Status
from nsblast._core.txn cimport Txn

# OK (an IN query for look-up), or SILENT, FORMERR, NOTIMP, BADVERS, BADCOOKIE, COOKIE_ONLY, CHAOS, HAND_OVER, or NO_ZONE for a
# class in which nothing is served here (REFUSED). Whatever it returns, id, flags, opcode, has_question, question_end, limit
# and edns are set as far as known, so that encode can answer with the right rcode; the search starts at qname, the plan is empty.
cdef Status decode(Txn* txn, const EdnsConfig* config, const Seed* seed) noexcept nogil
