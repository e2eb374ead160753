// What all measuring programs share, those in C and ours: placement, the clock, stamps, and one line of JSON for each
// measurement.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Pins the calling thread, and those that it starts, to the first or second entry of BENCH_CPUS ("0,1"; one number
/// is for both; empty: nobody is pinned). `side` is 0 for who measures and 1 for its peer. -1 where it cannot be done.
int bench_pin(int side);

/// CLOCK_MONOTONIC in microseconds.
double bench_now(void);

/// Writes a message's number at its beginning, its end and every 4 KiB, as far as there is room. The rest is left.
void bench_stamp(void *message, size_t size, uint64_t number);
/// Whether the stamps are all there.
int bench_is_stamped(const void *message, size_t size, uint64_t number);

/// Fills memory with a number, word by word.
void bench_fill(void *memory, size_t size, uint64_t number);
/// Reads all of it: whether it is filled with the number.
int bench_is_filled(const void *memory, size_t size, uint64_t number);

/// Times in microseconds, kept to tell their middle.
typedef struct {
    double *values;
    size_t count, capacity;
} bench_samples;

void bench_add(bench_samples *samples, double value);
/// The value that so much of them (0–1) do not exceed; sorts them. 0 where there are none.
double bench_quantile(bench_samples *samples, double part);

/// Prints one measurement. `unit`: us, per_s, GiB_s, …
void bench_print(const char *peer, const char *what, size_t size, const char *unit, double value);
/// Prints the median of samples in microseconds, with p99 beside it.
void bench_print_samples(const char *peer, const char *what, size_t size, bench_samples *samples);

/// Bytes in use on the heap, and in memory that malloc mapped.
size_t bench_heap(void);

/// The calling process ends when its parent does.
int bench_end_with_parent(void);
/// Allows as many descriptors as the process may have.
int bench_raise_descriptor_limit(void);
