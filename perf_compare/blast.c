/* A load client cheaper than any server: batches of datagrams, a window of outstanding queries per socket.
 *
 *   blast [-a] ADDRESS PORT QUERIES SECONDS SOCKETS WINDOW RATE START [PROBE PROBE_RATE]
 *
 * Queries of one length that follow one another leave as one message that the kernel cuts (UDP_SEGMENT): what the server
 * receives are single datagrams, and more of this program's processor is left for being faster than it. -a: each query
 * comes from another of 65 536 addresses of 127.0.0.0/8, as in the world at large; then each is a message of its own.
 * RATE 0 is the closed loop: as fast as the server answers. Else the open loop: RATE queries a second, with latencies.
 * QUERIES is a file of DNS messages, each after two octets of length (network order), sent round and round from message
 * START on, with the message id replaced by a running number. PROBE is a second such file, sent at PROBE_RATE from a
 * socket of its own beside the open loop: then the latencies told are those of the probe alone. An answer counts when its id is one that is under way on its socket.
 * In the closed loop a query unanswered for 200 ms is lost and its place in the window is used again.
 * Prints one JSON object; latencies in microseconds from the moment a query was due, so that a stalled server shows.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "timing.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum { BATCH = 64, ROOM = 4096, IDS = 65536, LOST_NS = 200000000 };

typedef struct {
    int fd;
    uint16_t next_id;
    unsigned under_way;
    uint64_t last_answer;
    uint64_t *due; /* by id: when it was due to be sent, 0 = not under way */
} Sock;

typedef struct {
    const uint8_t **message;
    uint16_t *length;
    size_t messages, turn;
} Source;

static void die(const char *what) {
    perror(what);
    exit(2);
}

static Source load(const char *path, size_t start) {
    Source q = {0};
    int fd = open(path, O_RDONLY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) die(path);
    const uint8_t *data = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (data == MAP_FAILED) die(path);
    size_t room = 1024, at = 0, end = (size_t) st.st_size;
    q.message = malloc(room * sizeof *q.message);
    q.length = malloc(room * sizeof *q.length);
    while (at + 2 <= end) {
        uint16_t n = (uint16_t) (data[at] << 8 | data[at + 1]);
        if (n < 12 || n > ROOM || at + 2 + n > end) break;
        if (q.messages == room) {
            room *= 2;
            q.message = realloc(q.message, room * sizeof *q.message);
            q.length = realloc(q.length, room * sizeof *q.length);
        }
        q.message[q.messages] = data + at + 2;
        q.length[q.messages++] = n;
        at += 2u + n;
    }
    if (!q.messages) { fprintf(stderr, "%s holds no query\n", path); exit(2); }
    close(fd);
    q.turn = start % q.messages;
    return q;
}

static uint64_t sent, answered, timed, lost, stray, rcodes[16], octets;

static uint8_t out_buf[BATCH][ROOM], in_buf[BATCH][ROOM];
static struct mmsghdr out[BATCH], in[BATCH];
static struct iovec out_iov[BATCH], in_iov[BATCH];
static union { char room[CMSG_SPACE(sizeof(struct in_pktinfo))]; struct cmsghdr align; } out_control[BATCH];
static struct sockaddr_in server;
static int many_addresses;

/* A control message of this type, all of the message's control memory. */
static void *control(struct msghdr *m, unsigned number, int level, int type, size_t size) {
    struct cmsghdr *c = &out_control[number].align;
    m->msg_control = c;
    m->msg_controllen = CMSG_SPACE(size);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(size);
    return CMSG_DATA(c);
}

/* Messages of the first n buffers: those of one length together, or each from an address of its own. How many. */
static unsigned compose(unsigned n) {
    static uint16_t turn;
    unsigned messages = 0;
    for (unsigned i = 0, run; i < n; i += run, messages++) {
        struct msghdr *m = &out[messages].msg_hdr;
        m->msg_iov = &out_iov[i];
        run = 1;
        if (many_addresses) {
            struct in_pktinfo from = {.ipi_spec_dst.s_addr = htonl(0x7f400000u + turn++)};
            memcpy(control(m, messages, IPPROTO_IP, IP_PKTINFO, sizeof from), &from, sizeof from);
            m->msg_name = &server;
            m->msg_namelen = sizeof server;
        } else {
            uint16_t size = (uint16_t) out_iov[i].iov_len;
            while (i + run < n && out_iov[i + run].iov_len == size && (run + 1) * size < 64000) run++;
            m->msg_controllen = 0;
            if (run > 1) memcpy(control(m, messages, IPPROTO_UDP, UDP_SEGMENT, sizeof size), &size, sizeof size);
        }
        m->msg_iovlen = run;
    }
    return messages;
}

/* Send up to n queries on one socket; due = the time the first is due, step = ns between two of them. */
static unsigned send_some(Sock *s, Source *q, unsigned n, uint64_t due, uint64_t step) {
    unsigned i;
    uint16_t first = s->next_id;
    if (n > BATCH) n = BATCH;
    for (i = 0; i < n; i++) {
        uint16_t id = (uint16_t) (first + i);
        size_t m = q->turn + i >= q->messages ? (q->turn + i) % q->messages : q->turn + i;
        memcpy(out_buf[i], q->message[m], q->length[m]);
        out_buf[i][0] = (uint8_t) (id >> 8);
        out_buf[i][1] = (uint8_t) id;
        out_iov[i].iov_len = q->length[m];
    }
    int whole = sendmmsg(s->fd, out, compose(n), MSG_DONTWAIT);
    if (whole < 0) {
        if (errno == EAGAIN || errno == ECONNREFUSED || errno == EINTR) return 0;
        die("sendmmsg");
    }
    size_t done = 0;
    for (int k = 0; k < whole; k++) done += out[k].msg_hdr.msg_iovlen;
    for (i = 0; i < done; i++) {
        uint16_t id = (uint16_t) (first + i);
        if (s->due[id]) { lost++; s->under_way--; }
        s->due[id] = due + step * i;
    }
    s->next_id = (uint16_t) (first + done);
    s->under_way += (unsigned) done;
    q->turn = (q->turn + done) % q->messages;
    sent += done;
    return (unsigned) done;
}

static unsigned take_some(Sock *s, uint64_t now, int measure) {
    unsigned got = 0;
    int n = recvmmsg(s->fd, in, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        if (in[i].msg_len < 12) { stray++; continue; }
        uint16_t id = (uint16_t) (in_buf[i][0] << 8 | in_buf[i][1]);
        if (!s->due[id]) { stray++; continue; }
        if (measure) {
            histogram[bucket_of(now > s->due[id] ? now - s->due[id] : 0)]++;
            timed++;
        }
        s->due[id] = 0;
        s->under_way--;
        rcodes[in_buf[i][3] & 15]++;
        octets += in[i].msg_len;
        answered++;
        got++;
    }
    if (got) s->last_answer = now;
    return got;
}

static void open_socket(Sock *s) {
    int room = 8 << 20;
    s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (s->fd < 0) die("socket");
    setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    if (!many_addresses && connect(s->fd, (const struct sockaddr *) &server, sizeof server) < 0) die("connect");
    s->due = calloc(IDS, sizeof *s->due);
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "-a")) {
        many_addresses = 1;
        argc--;
        argv++;
    }
    if (argc != 9 && argc != 11) {
        fprintf(stderr, "usage: blast [-a] ADDRESS PORT QUERIES SECONDS SOCKETS WINDOW RATE START [PROBE PROBE_RATE]\n");
        return 2;
    }
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t) atoi(argv[2]));
    if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) { fprintf(stderr, "not an IPv4 address: %s\n", argv[1]); return 2; }
    Source load_queries = load(argv[3], strtoul(argv[8], NULL, 10)), probe_queries = {0};
    double seconds = atof(argv[4]);
    unsigned sockets = (unsigned) atoi(argv[5]), window = (unsigned) atoi(argv[6]);
    double rate = atof(argv[7]), probe_rate = argc == 11 ? atof(argv[10]) : 0;
    if (argc == 11) probe_queries = load(argv[9], 0);
    if (argc == 11 && (probe_rate <= 0 || rate <= 0)) { fprintf(stderr, "a probe wants RATE and PROBE_RATE\n"); return 2; }
    if (seconds <= 0 || !sockets || !window || window > IDS / 2) { fprintf(stderr, "a number is out of range\n"); return 2; }
    unsigned all = sockets + (probe_rate > 0); /* the probe's socket is the last */
    Sock *sock = calloc(all, sizeof *sock), *probe = probe_rate > 0 ? &sock[sockets] : NULL;
    struct pollfd *poller = calloc(all, sizeof *poller);
    for (unsigned i = 0; i < all; i++) {
        open_socket(&sock[i]);
        poller[i].fd = sock[i].fd;
        poller[i].events = POLLIN;
    }
    for (int i = 0; i < BATCH; i++) {
        out_iov[i].iov_base = out_buf[i];
        in_iov[i].iov_base = in_buf[i];
        in_iov[i].iov_len = ROOM;
        in[i].msg_hdr.msg_iov = &in_iov[i];
        in[i].msg_hdr.msg_iovlen = 1;
    }
    uint64_t start = now_ns(), end = start + (uint64_t) (seconds * 1e9), now = start, due = start;
    uint64_t step = rate > 0 ? (uint64_t) (1e9 / rate) : 0, probe_due = start;
    uint64_t probe_step = probe ? (uint64_t) (1e9 / probe_rate) : 0;
    unsigned next = 0;
    for (unsigned i = 0; i < all; i++) sock[i].last_answer = start;
    while (now < end) {
        unsigned moved = 0;
        if (step) {
            while (due <= now) {
                unsigned want = (unsigned) ((now - due) / step) + 1;
                unsigned did = send_some(&sock[next], &load_queries, want < 16 ? want : 16, due, step);
                next = (next + 1) % sockets;
                if (!did) break;
                due += step * did;
            }
        }
        while (probe && probe_due <= now) {
            if (!send_some(probe, &probe_queries, 1, probe_due, 0)) break;
            probe_due += probe_step;
        }
        for (unsigned i = 0; i < all; i++) {
            Sock *s = &sock[i];
            moved += take_some(s, now, step != 0 && (!probe || s == probe));
            if (step) continue;
            if (s->under_way && now - s->last_answer > LOST_NS) {
                memset(s->due, 0, IDS * sizeof *s->due);
                lost += s->under_way;
                s->under_way = 0;
                s->last_answer = now;
            }
            if (s->under_way < window) moved += send_some(s, &load_queries, window - s->under_way, now, 0);
        }
        if (!moved) {
            uint64_t soon = probe && probe_due < due ? probe_due : due;
            struct timespec wait = {0, step ? (long) (soon > now ? (soon - now < 50000 ? soon - now : 50000) : 0) : 1000000};
            if (!step || soon > now) ppoll(poller, all, &wait, NULL);
        }
        now = now_ns();
    }
    double took = (double) (now - start) / 1e9;
    uint64_t stop = now + LOST_NS;
    for (unsigned waiting = 1; waiting && now < stop; now = now_ns()) { /* what is still under way */
        waiting = 0;
        for (unsigned i = 0; i < all; i++) waiting += sock[i].under_way;
        for (unsigned i = 0; i < all; i++) take_some(&sock[i], now, step != 0 && (!probe || &sock[i] == probe));
    }
    unsigned long under_way = 0;
    for (unsigned i = 0; i < all; i++) under_way += sock[i].under_way;
    printf("{\"seconds\": %.6f, \"sent\": %llu, \"answered\": %llu, \"lost\": %llu, \"stray\": %llu, \"octets\": %llu, \"rate\": %.1f",
           took, (unsigned long long) sent, (unsigned long long) answered, (unsigned long long) (lost + under_way),
           (unsigned long long) stray, (unsigned long long) octets, (double) answered / took);
    if (step) {
        print_histogram();
        printf(", \"latency_us\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f}", percentile(.5, timed),
               percentile(.9, timed), percentile(.99, timed), percentile(.999, timed), percentile(1 - 1e-12, timed));
    }
    printf(", \"rcodes\": {");
    for (int i = 0, any = 0; i < 16; i++)
        if (rcodes[i]) printf("%s\"%d\": %llu", any++ ? ", " : "", i, (unsigned long long) rcodes[i]);
    printf("}}\n");
    return 0;
}
