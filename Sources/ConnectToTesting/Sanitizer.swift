import Glibc

/// Whether the address sanitizer is at work. It keeps what is freed, so that memory cannot be measured.
package let isSanitized = dlsym(nil, "__asan_init") != nil
