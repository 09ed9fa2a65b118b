/* The clock of the load clients, and their histogram of latencies: 64 steps an octave from 1 us, so a bucket is about 1 % wide. */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { BUCKETS = 4096 };

static uint64_t histogram[BUCKETS];

static inline uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

static inline unsigned bucket_of(uint64_t ns) {
    uint64_t us16 = ns * 16 / 1000 + 1;
    unsigned octave = 63u - (unsigned) __builtin_clzll(us16);
    unsigned step = octave >= 6 ? (unsigned) (us16 >> (octave - 6)) & 63 : (unsigned) (us16 << (6 - octave)) & 63;
    unsigned b = octave * 64 + step;
    return b < BUCKETS ? b : BUCKETS - 1;
}

static inline double bucket_us(unsigned b) {
    return (double) (1ull << (b / 64)) * (1.0 + (b % 64) / 64.0) / 16.0;
}

/* The histogram as JSON, [microseconds, how many], so that several runs can be put together before a percentile is taken. */
static inline void print_histogram(void) {
    printf(", \"histogram_us\": [");
    for (unsigned b = 0, any = 0; b < BUCKETS; b++)
        if (histogram[b]) printf("%s[%.2f, %llu]", any++ ? ", " : "", bucket_us(b), (unsigned long long) histogram[b]);
    printf("]");
}

/* Microseconds that a part p of all `timed` latencies stayed below. */
static inline double percentile(double p, uint64_t timed) {
    uint64_t want = (uint64_t) ((double) timed * p), seen = 0;
    for (unsigned b = 0; b < BUCKETS; b++) {
        seen += histogram[b];
        if (seen > want) return bucket_us(b);
    }
    return 0;
}
