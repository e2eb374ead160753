// What the Linux kernel offers and Swift's Glibc module does not show: epoll, eventfd, timerfd, memfd,
// descriptors in messages (CMSG macros), pidfd. One thin function each; errors are -1 with errno, as in C.
//
// No header of the system beyond these three, and no type of theirs in a signature: a type that the Glibc module
// declares too belongs to whichever of the two modules the compiler loads first, and Swift then refuses the files that
// import only the other one. Whether a build succeeds would depend on the order of its files.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// MARK: Readiness

typedef struct {
    uint32_t events;
    uint64_t token;
} clinux_event;

extern const uint32_t CLINUX_IN;
extern const uint32_t CLINUX_OUT;
extern const uint32_t CLINUX_PEER_HANGUP;  // the other side writes no more (RDHUP)
extern const uint32_t CLINUX_HANGUP;
extern const uint32_t CLINUX_ERROR;
extern const uint32_t CLINUX_EDGE;

int clinux_epoll_create(void);
int clinux_epoll_add(int epoll, int fd, uint32_t events, uint64_t token);
int clinux_epoll_modify(int epoll, int fd, uint32_t events, uint64_t token);
int clinux_epoll_remove(int epoll, int fd);
/// timeout: milliseconds, -1 waits for ever. At most 64 events a call.
int clinux_epoll_wait(int epoll, clinux_event *events, int capacity, int timeout);

int clinux_eventfd(void);
int clinux_timerfd(void);
/// Absolute CLOCK_MONOTONIC nanoseconds; 0 disarms.
int clinux_timerfd_set(int timer, uint64_t nanoseconds);
uint64_t clinux_monotonic_nanoseconds(void);
/// The same clock as of the last tick (1 to 10 ms): a quarter of the price.
uint64_t clinux_coarse_nanoseconds(void);

// MARK: Sockets

/// A connected AF_UNIX SOCK_STREAM pair, CLOEXEC and not O_NONBLOCK: every call says MSG_DONTWAIT itself.
int clinux_socketpair(int ends[2]);
/// A piece of memory to send: the kernel's struct iovec under a name of our own.
typedef struct {
    const void *start;
    size_t count;
} clinux_piece;

/// Sends without waiting and without SIGPIPE. The descriptors ride on the first byte.
ptrdiff_t clinux_send(int fd, const clinux_piece *parts, size_t count, const int *descriptors, size_t descriptorCount);

typedef struct {
    size_t descriptorCount;  // descriptors written to the caller's array; the caller owns them
    int truncated;           // MSG_CTRUNC: more came than there was room for
    int lost;                // MSG_CTRUNC although there was room: this process could not have some of them
    int foreign;             // a control message that is not SCM_RIGHTS came along
} clinux_control;

enum { CLINUX_MAX_DESCRIPTORS = 253 };  // SCM_MAX_FD

/// Receives without waiting. `descriptors` has room for CLINUX_MAX_DESCRIPTORS, CLOEXEC from birth.
ptrdiff_t clinux_receive(int fd, void *buffer, size_t length, int *descriptors, clinux_control *control);
/// Whether descriptors ride on the next byte; takes neither. -1 where there is no byte yet.
int clinux_look_ahead(int fd);
int clinux_shutdown(int fd);

/// 1 if fd is a connected AF_UNIX SOCK_STREAM socket, 0 if it is anything else, -1 on error.
int clinux_is_connected_unix_stream(int fd);
/// The process that made the other end of a connected AF_UNIX socket, at a client's end the process that called listen:
/// its number in our pid namespace, 0 where it has none there; -1 on error.
int clinux_process_at_other_end(int fd);
/// Gives an AF_UNIX socket an address of the kernel's choice, in the abstract namespace; one that has any keeps it.
int clinux_name_end(int fd);
/// Whether the other end of a connected AF_UNIX socket has an address.
int clinux_other_end_is_named(int fd);

// MARK: The rest

extern const int CLINUX_O_TMPFILE;
extern const int CLINUX_O_PATH;
extern const int CLINUX_SEEK_DATA;
extern const int CLINUX_SEEK_HOLE;
/// Copies inside the kernel from one file to another, both at the same offset.
ptrdiff_t clinux_copy_range(int from, int to, int64_t offset, size_t count);
/// Renames within one directory; without `overwrite` fails with EEXIST where the new name is taken, whatever by.
int clinux_rename_in(int directory, const char *from, const char *to, int overwrite);
/// How many bytes could be read at once, without reading them; 0 at the end and for what cannot tell.
int clinux_bytes_ready(int fd);
/// How much of what was written to a socket the other side has not read; 0 for what cannot tell.
int clinux_bytes_unread(int fd);
int clinux_duplicate(int fd);  // F_DUPFD_CLOEXEC
int clinux_memfd(const char *name);
extern const int CLINUX_SEAL_SHRINK;
extern const int CLINUX_SEAL_GROW;
extern const int CLINUX_SEAL_WRITE;
int clinux_add_seals(int fd, int seals);
int clinux_seals(int fd);
/// Starts a program, looked for in PATH where it is a name alone, with default signals and in a session of its own:
/// without a terminal to be stopped by. No shell runs it, so a script needs its `#!` line (else ENOEXEC). Its standard input and output are the two descriptors; `kept` stays open in it, if it is not -1, and so
/// does all else that has no close-on-exec.
/// - Returns: 0, or the error.
int clinux_spawn(int *pid, const char *file, char *const arguments[], char *const environment[], int input, int output,
                 int kept);
/// A pipe, CLOEXEC. Nothing waits at the end (0 reads, 1 writes) that is `ours`.
int clinux_pipe(int ends[2], int ours);
/// Looks how a child of ours is, and takes what it finds: an end only if `ended`, and else whether it was stopped.
/// - Returns: 1 if there was something: how (CLD_EXITED, CLD_KILLED, CLD_STOPPED…) and with which code or signal; 0 if not,
///   -1 on error.
int clinux_look_after_child(int pid, bool ended, int *how, int *status);
int clinux_pidfd_open(int pid);
int clinux_pidfd_send_signal(int pidfd, int signal);
/// 1 once the process of a pidfd has ended, 0 while it has not, -1 on error.
int clinux_pidfd_has_ended(int pidfd);
/// From here on a process is killed when the other end of a socket is closed for good; of several the last one counts.
int clinux_kill_at_hangup(int socket, int pid);
/// Opens a file in the root directory that a process sees, for reading; no link is followed and nothing waits.
/// `root` says whether that directory could be opened at all.
int clinux_open_in_root(int pid, const char *name, int *root);
/// The halves of an asymmetric fence: who passes the heavy one has every running thread of this process pass a memory
/// fence, and so the light one is mostly an order to the compiler alone.
extern bool clinux_light_fence_is_enough;
void clinux_heavy_fence(void);
static inline void clinux_light_fence(void) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (!clinux_light_fence_is_enough) __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
/// The calling thread, for comparing: not 0, and another only once it has ended.
static inline uintptr_t clinux_this_thread(void) { return (uintptr_t)__builtin_thread_pointer(); }
/// Sleeps while *word is what is expected; may return early.
void clinux_futex_wait(const void *word, uint32_t expected);
void clinux_futex_wake(const void *word);
/// Makes of a pthread_mutex_t a mutex that spins for a moment before it sleeps.
void clinux_mutex_init(void *mutex);
int clinux_gettid(void);
/// Names the calling thread, as `ps -L` shows it; what is over 15 bytes is cut off.
void clinux_name_thread(const char *name);

/// Writes the signal's number (one byte) to fd whenever one of the given signals arrives. A later call may give other
/// signals another fd. With `insists` the second of all those ends the process by itself, with 128 and the number, whatever
/// hinders the reader of fd. A handler, unlike SIG_IGN or a mask, is not inherited over exec: children start with defaults.
int clinux_signals_to(int fd, const int *signals, size_t count, bool insists);
/// A signal does nothing here, and is at its default again in whatever we exec.
int clinux_make_harmless(int signal);
/// The argument of that number that the program was started with, 0 is its name; NULL where there are no more. Needs neither
/// /proc nor a descriptor.
const char *clinux_argument(int index);
/// From here on no thread gets a heap of its own.
void clinux_share_one_heap(void);
/// From here on getpwnam, getaddrinfo and their like read files and ask DNS, and load nothing.
void clinux_resolve_without_plugins(void);
