import Glibc

/// Whether the address sanitizer is at work.
package let isAddressSanitized = dlsym(nil, "__asan_init") != nil

/// Whether the thread sanitizer is at work. It has a thread of its own in every process, which wakes ten times a
/// second.
package let isThreadSanitized = dlsym(nil, "__tsan_init") != nil

/// Whether a sanitizer is at work. It keeps what is freed, or notes on all that is used, so that memory cannot be
/// measured.
package let isSanitized = isAddressSanitized || isThreadSanitized
