import Glibc

/// Whether the address sanitizer is active.
package let isAddressSanitized = dlsym(nil, "__asan_init") != nil

/// Whether the thread sanitizer is active. It has a thread of its own in every process, which wakes ten times a
/// second.
package let isThreadSanitized = dlsym(nil, "__tsan_init") != nil

/// Whether a sanitizer is active. It keeps memory that was freed, or records for all memory that is used, so that
/// memory use cannot be measured.
package let isSanitized = isAddressSanitized || isThreadSanitized
