#define _GNU_SOURCE
#include "CBench.h"

#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

int bench_pin(int side) {
    const char *cpus = getenv("BENCH_CPUS");
    if (!cpus || !*cpus) return 0;
    const char *comma = strchr(cpus, ',');
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(atoi(side && comma ? comma + 1 : cpus), &set);
    return sched_setaffinity(0, sizeof set, &set);
}

double bench_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

// MARK: Stamps

enum { page = 4096, word = sizeof(uint64_t) };

// Each stamp also says where it belongs. The last one lies at the end, and over no other.
void bench_stamp(void *message, size_t size, uint64_t number) {
    if (size < word) {
        memcpy(message, &number, size);
        return;
    }
    for (size_t at = 0; at + 2 * word <= size; at += page) {
        uint64_t stamp = number + at;
        memcpy((char *)message + at, &stamp, word);
    }
    uint64_t last = number + size - word;
    memcpy((char *)message + size - word, &last, word);
}

int bench_is_stamped(const void *message, size_t size, uint64_t number) {
    if (size < word) return memcmp(message, &number, size) == 0;
    uint64_t wrong = 0, found;
    for (size_t at = 0; at + 2 * word <= size; at += page) {
        memcpy(&found, (const char *)message + at, word);
        wrong |= found ^ (number + at);
    }
    memcpy(&found, (const char *)message + size - word, word);
    return (wrong | (found ^ (number + size - word))) == 0;
}

void bench_fill(void *memory, size_t size, uint64_t number) {
    uint64_t *words = memory;
    for (size_t i = 0; i < size / word; i++) words[i] = number;
}

int bench_is_filled(const void *memory, size_t size, uint64_t number) {
    const uint64_t *words = memory;
    uint64_t wrong = 0;
    for (size_t i = 0; i < size / word; i++) wrong |= words[i] ^ number;
    return wrong == 0;
}

// MARK: Samples

void bench_add(bench_samples *samples, double value) {
    if (samples->count == samples->capacity) {
        samples->capacity = samples->capacity ? samples->capacity * 2 : 1024;
        samples->values = realloc(samples->values, samples->capacity * sizeof(double));
        if (!samples->values) abort();
    }
    samples->values[samples->count++] = value;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_quantile(bench_samples *samples, double part) {
    if (!samples->count) return 0;
    qsort(samples->values, samples->count, sizeof(double), ascending);
    return samples->values[(size_t)((samples->count - 1) * part)];
}

// MARK: Saying it

void bench_print(const char *peer, const char *what, size_t size, const char *unit, double value) {
    printf(
        "{\"peer\":\"%s\",\"what\":\"%s\",\"size\":%zu,\"unit\":\"%s\",\"value\":%.6g}\n", peer, what, size, unit,
        value);
    fflush(stdout);
}

void bench_print_samples(const char *peer, const char *what, size_t size, bench_samples *samples) {
    double median = bench_quantile(samples, 0.5);
    printf(
        "{\"peer\":\"%s\",\"what\":\"%s\",\"size\":%zu,\"unit\":\"us\",\"value\":%.6g,\"p99\":%.6g,\"count\":%zu}\n",
        peer, what, size, median, bench_quantile(samples, 0.99), samples->count);
    fflush(stdout);
}

size_t bench_heap(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

int bench_end_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL); }

int bench_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -1;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit);
}
