# Stage 4: Plan to octets. Compression, whole RRsets or none, TC, OPT, counts. Asks no DNS question.
# RFC 1035 4.1, 2181 5.1 and 9, 6891 7, 9471 2.

from nsblast._core.edns cimport EdnsConfig
from nsblast._core.status cimport Status
from nsblast._core.txn cimport Txn

# Writes the answer into txn.out with txn.rcode, txn.aa, the question echoed as asked, the plan, OPT; sets txn.answer_len, txn.tc.
# OK, or CORRUPT when a stored RRset breaks its format (nothing to be sent then; call encode_bare).
cdef Status encode(Txn* txn, const EdnsConfig* config) noexcept nogil
# Header, question as far as known and OPT only, with txn.rcode.
cdef void encode_bare(Txn* txn, const EdnsConfig* config) noexcept nogil
# Header, question, one TXT record of class CH for txn.qname with `text`, OPT.
cdef void encode_chaos(Txn* txn, const EdnsConfig* config, const unsigned char* text, unsigned char length) noexcept nogil
