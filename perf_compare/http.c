/* A client of the admin API cheaper than any server: keep-alive connections, one request under way on each, requests prepared.
 *
 *   http ADDRESS PORT REQUESTS SECONDS CLIENTS
 *
 * REQUESTS is a file of whole HTTP requests, each after four octets of length (network order). Client n of N sends the
 * n-th, n+N-th, … of them, round and round. An answer is whole when its Content-Length has come.
 * Prints one JSON object: answers a second, those that are not 2xx, those that are 5xx, times in milliseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "timing.h"

enum { ROOM = 1 << 16, CLIENTS_MAX = 256, BODY_SHOWN = 300 };

typedef struct {
    int fd;
    size_t turn; /* number of the request under way */
    uint64_t began;
    size_t have, want; /* octets of the answer; want = 0 until its head has come */
    char answer[ROOM];
} Client;

static char *file;
static size_t *start, *length, requests;
static struct sockaddr_in server;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void fail(const char *what) {
    fprintf(stderr, "http: %s\n", what);
    exit(1);
}

static void load(const char *path) {
    FILE *in = fopen(path, "rb");
    if (!in || fseek(in, 0, SEEK_END)) die(path);
    size_t size = (size_t) ftell(in), at = 0;
    rewind(in);
    file = malloc(size + 1);
    start = malloc((size / 4 + 1) * sizeof *start);
    length = malloc((size / 4 + 1) * sizeof *length);
    if (!file || !start || !length || fread(file, 1, size, in) != size) die(path);
    fclose(in);
    while (at + 4 <= size) {
        uint32_t n;
        memcpy(&n, file + at, 4);
        n = ntohl(n);
        if (n > size - at - 4) fail("the file of requests is cut off");
        start[requests] = at + 4;
        length[requests++] = n;
        at += 4 + n;
    }
    if (!requests) fail("no requests");
}

static void dial(Client *c) {
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *) &server, sizeof server)) die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void ask(Client *c) {
    const char *from = file + start[c->turn % requests];
    size_t left = length[c->turn % requests];
    c->have = c->want = 0;
    c->began = now_ns();
    while (left) {
        ssize_t n = write(c->fd, from, left); /* requests are small: the socket's buffer takes them */
        if (n < 0) die("write");
        from += n;
        left -= (size_t) n;
    }
}

/* Whether the answer is whole. */
static int take(Client *c) {
    if (c->have == ROOM - 1) fail("an answer is too large");
    ssize_t n = read(c->fd, c->answer + c->have, ROOM - 1 - c->have);
    if (n <= 0) fail("the server hung up");
    c->have += (size_t) n;
    c->answer[c->have] = 0;
    if (!c->want) {
        char *end = strstr(c->answer, "\r\n\r\n");
        if (!end) return 0;
        char *told = strcasestr(c->answer, "\r\ncontent-length:");
        size_t body = told && told < end ? strtoul(told + 17, NULL, 10) : 0;
        c->want = (size_t) (end + 4 - c->answer) + body;
        if (c->want >= ROOM) fail("an answer is too large");
    }
    return c->have >= c->want;
}

static int compare(const void *a, const void *b) {
    float x = *(const float *) a, y = *(const float *) b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 6) fail("usage: http ADDRESS PORT REQUESTS SECONDS CLIENTS");
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t) atoi(argv[2]));
    if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) fail("that is no IPv4 address");
    load(argv[3]);
    double seconds = atof(argv[4]);
    int count = atoi(argv[5]);
    if (count < 1 || count > CLIENTS_MAX) fail("1 to 256 clients");
    Client *clients = calloc((size_t) count, sizeof *clients);
    size_t room = 1 << 16, answers = 0, wrong = 0, broken = 0;
    float *times = malloc(room * sizeof *times);
    char first_wrong[BODY_SHOWN + 1] = "";
    int poll = epoll_create1(0), under_way = count, closed = 0;
    if (!clients || !times || poll < 0) die("start");
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = &clients[i]}};
        clients[i].turn = (size_t) i;
        dial(&clients[i]);
        if (epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].fd, &event)) die("epoll_ctl");
    }
    uint64_t began = now_ns(), end = began + (uint64_t) (seconds * 1e9), last = began;
    for (int i = 0; i < count; i++) ask(&clients[i]);
    while (under_way) {
        struct epoll_event events[64];
        int n = epoll_wait(poll, events, 64, 30000);
        if (n <= 0) fail("no answer in 30 s");
        for (int i = 0; i < n; i++) {
            Client *c = events[i].data.ptr;
            if (!take(c)) continue;
            last = now_ns();
            if (answers == room && !(times = realloc(times, (room *= 2) * sizeof *times))) die("memory");
            times[answers++] = (float) ((double) (last - c->began) / 1e6);
            if (c->answer[9] != '2') {
                if (!wrong++) snprintf(first_wrong, sizeof first_wrong, "%.*s", BODY_SHOWN, c->answer);
                broken += c->answer[9] == '5';
            }
            c->turn += (size_t) count;
            closed = strcasestr(c->answer, "\r\nconnection: close") != NULL;
            if (last >= end) {
                close(c->fd);
                under_way--;
            } else {
                if (closed) { /* some servers hang up after an error */
                    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = c}};
                    close(c->fd);
                    dial(c);
                    if (epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event)) die("epoll_ctl");
                }
                ask(c);
            }
        }
    }
    qsort(times, answers, sizeof *times, compare);
    double took = (double) (last - began) / 1e9;
    printf("{\"rate\": %.1f, \"answers\": %zu, \"refused\": %zu, \"broken\": %zu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
           (double) answers / took, answers, wrong, broken, times[answers / 2], times[answers * 99 / 100], times[answers - 1]);
    if (wrong) fprintf(stderr, "first that is no success: %s\n", first_wrong);
    return 0;
}
