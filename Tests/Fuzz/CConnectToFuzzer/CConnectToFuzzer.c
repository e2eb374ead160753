#include "CConnectToFuzzer.h"

// libFuzzer's own main is linked in too, though never run, and wants a target by this name.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    (void)data;
    (void)size;
    return 0;
}
