/* A TCP load client cheaper than any server: one epoll loop, messages copied ahead, many under way per connection.
 *
 *   stream ADDRESS PORT QUERIES SECONDS CONNECTIONS DEPTH RATE START [each]
 *
 * QUERIES is a file of DNS messages, each after two octets of length (network order), sent round and round from message
 * START on. Persistent: each connection has DEPTH queries under way, and sends anew when half of them are answered. With
 * `each` every query has a connection of its own (connect, ask, read, close), CONNECTIONS of them at a time.
 * RATE 0 is the closed loop; else the open loop at RATE queries a second, with latencies from the moment a query was due.
 * Connections come from 64 addresses of 127.1.0.0/16, so that the ports of one do not run out. A connection the server
 * closes is opened again; what was under way on it is lost. Prints one JSON object.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "timing.h"

enum { ROOM = 1 << 16, EVENTS = 256, DEPTH_MAX = 256, SOURCES = 64, LOST_NS = 1000000000 };

typedef struct {
    int fd;
    unsigned under_way, have;      /* have: octets of the message that is not whole yet */
    uint16_t next_id;
    uint64_t due[DEPTH_MAX];       /* by id modulo DEPTH_MAX, which the depth never exceeds */
    uint64_t since;
    uint8_t in[ROOM + 2];
} Conn;

static void die(const char *what) {
    perror(what);
    exit(2);
}

static const uint8_t **message; /* with its two octets of length before it, as TCP wants it */
static size_t messages, turn;

static void load(const char *path, size_t start) {
    int fd = open(path, O_RDONLY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) die(path);
    const uint8_t *data = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (data == MAP_FAILED) die(path);
    size_t room = 1024, at = 0, end = (size_t) st.st_size;
    message = malloc(room * sizeof *message);
    while (at + 2 <= end) {
        unsigned n = (unsigned) (data[at] << 8 | data[at + 1]);
        if (n < 12 || n > 512 || at + 2 + n > end) break;
        if (messages == room) message = realloc(message, (room *= 2) * sizeof *message);
        message[messages++] = data + at;
        at += 2u + n;
    }
    if (!messages) { fprintf(stderr, "%s holds no query\n", path); exit(2); }
    turn = start % messages;
    close(fd);
}

static uint64_t sent, answered, lost, failed, opened, octets, rcodes[16];
static struct sockaddr_in server;
static int poller, each, timed;

static int open_conn(Conn *c, uint64_t now) {
    int one = 1;
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010001u + (uint32_t) (opened++ % SOURCES))};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    c->under_way = c->have = 0;
    c->since = now;
    struct epoll_event want = {.events = EPOLLIN, .data.ptr = c};
    if (bind(c->fd, (struct sockaddr *) &from, sizeof from) < 0 ||
        (connect(c->fd, (struct sockaddr *) &server, sizeof server) < 0 && errno != EINPROGRESS) ||
        epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &want) < 0) {
        close(c->fd);
        c->fd = -1;
        failed++;
        return 0;
    }
    return 1;
}

static void close_conn(Conn *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    lost += c->under_way;
    c->under_way = c->have = 0;
}

/* Send n queries in one write; 0 when the connection does not take them now (it is not established, or full). */
static unsigned send_some(Conn *c, unsigned n, uint64_t due, uint64_t step) {
    static uint8_t out[DEPTH_MAX * 514];
    size_t filled = 0;
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *m = message[(turn + i) % messages];
        size_t size = 2u + (unsigned) (m[0] << 8 | m[1]);
        uint16_t id = (uint16_t) (c->next_id + i);
        memcpy(out + filled, m, size);
        out[filled + 2] = (uint8_t) (id >> 8);
        out[filled + 3] = (uint8_t) id;
        filled += size;
    }
    ssize_t done = send(c->fd, out, filled, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done < 0) return 0;
    if ((size_t) done < filled) { /* a message cut in two: the depth is far below any buffer, so the server does not read */
        close_conn(c);
        failed++;
        return 0;
    }
    for (unsigned i = 0; i < n; i++) c->due[(uint16_t) (c->next_id + i) % DEPTH_MAX] = due + step * i;
    c->next_id = (uint16_t) (c->next_id + n);
    c->under_way += n;
    turn = (turn + n) % messages;
    sent += n;
    return n;
}

/* Read what is there; 0 when the connection has ended. */
static int take(Conn *c, uint64_t now) {
    ssize_t n = recv(c->fd, c->in + c->have, ROOM - c->have, MSG_DONTWAIT);
    if (n <= 0) return n < 0 && (errno == EAGAIN || errno == EINTR);
    unsigned at = 0, end = c->have + (unsigned) n;
    while (at + 2 <= end) {
        unsigned size = (unsigned) (c->in[at] << 8 | c->in[at + 1]);
        if (at + 2 + size > end) break;
        const uint8_t *m = c->in + at + 2;
        at += 2 + size;
        if (size < 12 || !c->under_way) continue;
        uint64_t due = c->due[(unsigned) (m[0] << 8 | m[1]) % DEPTH_MAX];
        if (timed) histogram[bucket_of(now > due ? now - due : 0)]++;
        rcodes[m[3] & 15]++;
        octets += size;
        c->under_way--;
        answered++;
    }
    memmove(c->in, c->in + at, end - at);
    c->have = end - at;
    c->since = now;
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 9 && argc != 10) {
        fprintf(stderr, "usage: stream ADDRESS PORT QUERIES SECONDS CONNECTIONS DEPTH RATE START [each]\n");
        return 2;
    }
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t) atoi(argv[2]));
    if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) { fprintf(stderr, "not an IPv4 address: %s\n", argv[1]); return 2; }
    load(argv[3], strtoul(argv[8], NULL, 10));
    double seconds = atof(argv[4]), rate = atof(argv[7]);
    unsigned count = (unsigned) atoi(argv[5]), depth = (unsigned) atoi(argv[6]);
    each = argc == 10;
    timed = rate > 0;
    if (each) depth = 1;
    if (seconds <= 0 || !count || !depth || depth > DEPTH_MAX) { fprintf(stderr, "a number is out of range\n"); return 2; }
    Conn *conn = calloc(count, sizeof *conn);
    poller = epoll_create1(0);
    if (!conn || poller < 0) die("epoll");
    uint64_t start = now_ns(), now = start, end = start + (uint64_t) (seconds * 1e9), due = start;
    uint64_t step = timed ? (uint64_t) (1e9 / rate) : 0, checked = start;
    unsigned next = 0;
    for (unsigned i = 0; i < count; i++) {
        conn[i].fd = -1;
        if (each && timed) continue; /* opened when its query is due */
        open_conn(&conn[i], now);
    }
    struct epoll_event event[EVENTS];
    while (now < end) {
        for (unsigned tried = 0; timed && due <= now && tried < count; tried++) { /* open loop: any connection with room */
            Conn *c = &conn[next];
            next = (next + 1) % count;
            if (each) {
                if (c->fd >= 0 || !open_conn(c, now)) continue;
                if (!send_some(c, 1, due, 0)) { close_conn(c); continue; }
                due += step;
            } else if (c->fd >= 0 && c->under_way < depth && send_some(c, 1, due, 0)) due += step;
        }
        if (!timed) {
            for (unsigned i = 0; i < count; i++) {
                Conn *c = &conn[i];
                if (c->fd < 0 && !open_conn(c, now)) continue;
                if (c->under_way <= depth / 2) send_some(c, depth - c->under_way, now, 0);
            }
        }
        int wait = timed ? (due > now + 1000000 ? 1 : 0) : 1;
        int n = epoll_wait(poller, event, EVENTS, wait);
        now = now_ns();
        for (int i = 0; i < n; i++) {
            Conn *c = event[i].data.ptr;
            if (c->fd < 0) continue;
            if (!take(c, now)) {
                close_conn(c);
                if (!each) failed++;
            } else if (each && !c->under_way && c->have == 0) close_conn(c);
        }
        if (now - checked > LOST_NS / 4) { /* connections that stand still are given up */
            for (unsigned i = 0; i < count; i++)
                if (conn[i].fd >= 0 && conn[i].under_way && now - conn[i].since > LOST_NS) close_conn(&conn[i]);
            checked = now;
        }
        if (timed && !each)
            for (unsigned i = 0; i < count; i++)
                if (conn[i].fd < 0) open_conn(&conn[i], now);
    }
    double took = (double) (now - start) / 1e9;
    printf("{\"seconds\": %.6f, \"sent\": %llu, \"answered\": %llu, \"lost\": %llu, \"failed\": %llu, \"opened\": %llu, \"octets\": %llu, \"rate\": %.1f",
           took, (unsigned long long) sent, (unsigned long long) answered, (unsigned long long) lost, (unsigned long long) failed,
           (unsigned long long) opened, (unsigned long long) octets, (double) answered / took);
    if (timed)
        printf(", \"latency_us\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f}", percentile(.5, answered),
               percentile(.9, answered), percentile(.99, answered), percentile(.999, answered), percentile(1 - 1e-12, answered));
    printf(", \"rcodes\": {");
    for (int i = 0, any = 0; i < 16; i++)
        if (rcodes[i]) printf("%s\"%d\": %llu", any++ ? ", " : "", i, (unsigned long long) rcodes[i]);
    printf("}}\n");
    return 0;
}
