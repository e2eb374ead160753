// libFuzzer as a library: its driver, which -sanitize=fuzzer links in.
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef int (*cfuzzer_target)(const uint8_t *data, size_t size);

/// Never returns before the fuzzing is over; takes libFuzzer's own arguments.
int LLVMFuzzerRunDriver(int *argc, char ***argv, cfuzzer_target target);
