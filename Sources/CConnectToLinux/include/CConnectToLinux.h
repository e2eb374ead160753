// Linux system calls and macros that Swift's Glibc module does not import: epoll, eventfd, timerfd, memfd, descriptors
// in messages (the CMSG macros), pidfd. One thin function for each; an error is -1 with errno set, unless said otherwise.
//
// Include no system header but these three, and use no type of other headers in a signature. A type that the Glibc
// module declares too would belong to the module that the compiler loads first, and Swift would refuse files that
// import only the other one: whether a build succeeds would depend on the order of its files.
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
extern const uint32_t CLINUX_PEER_HANGUP;  // EPOLLRDHUP: the other side will write no more
extern const uint32_t CLINUX_HANGUP;
extern const uint32_t CLINUX_ERROR;
extern const uint32_t CLINUX_EDGE;

int clinux_epoll_create(void);
int clinux_epoll_add(int epoll, int fd, uint32_t events, uint64_t token);
int clinux_epoll_modify(int epoll, int fd, uint32_t events, uint64_t token);
int clinux_epoll_remove(int epoll, int fd);
/// `timeout` is in milliseconds; -1 waits without limit. Returns at most 64 events.
int clinux_epoll_wait(int epoll, clinux_event *events, int capacity, int timeout);

int clinux_eventfd(void);
int clinux_timerfd(void);
/// Sets the timer to an absolute time in nanoseconds of CLOCK_MONOTONIC; 0 disarms it.
int clinux_timerfd_set(int timer, uint64_t nanoseconds);
uint64_t clinux_monotonic_nanoseconds(void);
/// The same clock at its last tick, up to 1 to 10 ms ago: reading it costs a quarter.
uint64_t clinux_coarse_nanoseconds(void);

// MARK: Sockets

/// A connected AF_UNIX SOCK_STREAM pair, CLOEXEC. Not O_NONBLOCK: every call passes MSG_DONTWAIT itself.
int clinux_socketpair(int ends[2]);
/// A piece of memory to send: the kernel's struct iovec, under a name that the Glibc module does not have.
typedef struct {
    const void *start;
    size_t count;
} clinux_piece;

/// Sends without waiting and without SIGPIPE. The descriptors travel with the first byte.
ptrdiff_t clinux_send(int fd, const clinux_piece *parts, size_t count, const int *descriptors, size_t descriptorCount);

typedef struct {
    size_t descriptorCount;  // descriptors written to the caller's array; the caller owns them
    int truncated;           // MSG_CTRUNC: the control messages were larger than the buffer for them
    int lost;                // MSG_CTRUNC with room left: the kernel could not install some descriptors in this process
    int unexpected;          // a control message other than SCM_RIGHTS was received
} clinux_control;

enum { CLINUX_MAX_DESCRIPTORS = 253 };  // SCM_MAX_FD

/// Receives without waiting. `descriptors` must have room for CLINUX_MAX_DESCRIPTORS. Received descriptors are CLOEXEC.
ptrdiff_t clinux_receive(int fd, void *buffer, size_t length, int *descriptors, clinux_control *control);
/// Whether descriptors come with the next byte; consumes neither. -1 where no byte has arrived.
int clinux_peek_descriptors(int fd);
int clinux_shutdown(int fd);

/// 1 if fd is a connected AF_UNIX SOCK_STREAM socket, 0 if it is anything else, -1 on error.
int clinux_is_connected_unix_stream(int fd);
/// The process that created the other end of a connected AF_UNIX socket; at a client's end, the process that called
/// listen(2). Its id in our pid namespace, 0 where it has none there; -1 on error.
int clinux_process_at_other_end(int fd);
/// Has the kernel choose an address for an AF_UNIX socket, in the abstract namespace. A socket that has one keeps it.
int clinux_name_end(int fd);
/// Whether the other end of a connected AF_UNIX socket has an address.
int clinux_other_end_is_named(int fd);

// MARK: Files

extern const int CLINUX_O_TMPFILE;
extern const int CLINUX_O_PATH;
extern const int CLINUX_SEEK_DATA;
extern const int CLINUX_SEEK_HOLE;
/// Copies inside the kernel from one file to another, at the same offset in both.
ptrdiff_t clinux_copy_range(int from, int to, int64_t offset, size_t count);
/// Renames within one directory. Without `overwrite` it fails with EEXIST if an entry of any kind has the new name.
int clinux_rename_in(int directory, const char *from, const char *to, int overwrite);
/// The number of bytes that could be read without waiting; 0 at end of file, and for descriptors that cannot tell.
int clinux_bytes_ready(int fd);
/// The number of bytes written to a socket that the other side has not read; 0 for descriptors that cannot tell.
int clinux_bytes_unread(int fd);
int clinux_duplicate(int fd);  // F_DUPFD_CLOEXEC
int clinux_memfd(const char *name);
extern const int CLINUX_SEAL_SHRINK;
extern const int CLINUX_SEAL_GROW;
extern const int CLINUX_SEAL_WRITE;
int clinux_add_seals(int fd, int seals);
int clinux_seals(int fd);

// MARK: Processes

/// A program to start: the file at a path with a slash in it, or the first of that name in PATH.
typedef struct {
    const char *file;
    char *const *arguments;    // ends with NULL, as does the environment
    char *const *environment;
    const char *directory;     // its working directory; NULL: that of this process
    int input, output;         // its standard input and output
    int errors;                // its standard error; -1: that of this process
    const int *kept;           // descriptors that it has too, under the same numbers
    int kept_count;
    bool closes_others;        // it has no other descriptors; otherwise those without close-on-exec
    bool joins_session;        // it has a process group of its own in this session; otherwise a session of its own
} clinux_program;
/// Starts a program. It has default signal handling, and a session of its own, so that no terminal can stop it. No shell
/// runs it, so a script needs its `#!` line (else ENOEXEC).
/// - Returns: 0, or the error number.
int clinux_spawn(int *pid, const clinux_program *program);
/// A pipe, CLOEXEC. The end with the index `ours` (0 reads, 1 writes) is O_NONBLOCK.
int clinux_pipe(int ends[2], int ours);
/// Checks without waiting whether a child has ended (if `ended`) or was stopped (if not), and reaps that state unless
/// `keeps`: until an ended child is reaped, its number and that of its process group belong to no other. With a pidfd
/// (else -1) the process is certainly the one that was started.
/// - Returns: 1 if so, with `how` (CLD_EXITED, CLD_KILLED, CLD_STOPPED…) and the exit code or signal as `status`; 0 if
///   not; -1 on error.
int clinux_poll_child(int pid, int pidfd, bool ended, bool keeps, int *how, int *status);
/// Sets a resource limit of a process, as setrlimit(2) does for its own.
int clinux_limit(int pid, int resource, uint64_t soft, uint64_t hard);
/// Sets the niceness of the calling thread alone; the programs that it starts inherit it.
int clinux_set_thread_niceness(int niceness);
/// Has the kernel send this process a signal when the thread that has started it ends, at the latest with its process.
int clinux_signal_when_parent_ends(int signal);
int clinux_pidfd_open(int pid);
int clinux_pidfd_send_signal(int pidfd, int signal);
/// 1 once the process of a pidfd has ended, 0 while it has not, -1 on error.
int clinux_pidfd_has_ended(int pidfd);
/// Has the kernel kill a process when the last copy of the other end of a socket is closed. A later call for the same
/// socket replaces the process.
int clinux_kill_at_hangup(int socket, int pid);
/// Opens a file for reading in the root directory of a process. Follows no symbolic link and does not wait.
/// `root` receives whether that directory could be opened.
int clinux_open_in_root(int pid, const char *name, int *root);

// MARK: Threads

/// The halves of an asymmetric fence. The heavy half makes every running thread of this process execute a memory fence,
/// so the light half mostly has to keep only the compiler from reordering.
extern bool clinux_light_fence_is_enough;
void clinux_heavy_fence(void);
static inline void clinux_light_fence(void) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (!clinux_light_fence_is_enough) __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
/// A number for the calling thread, to compare with others: never 0, and unique among the threads that live.
static inline uintptr_t clinux_this_thread(void) { return (uintptr_t)__builtin_thread_pointer(); }
/// Sleeps while *word equals `expected`. May return early.
void clinux_futex_wait(const void *word, uint32_t expected);
void clinux_futex_wake(const void *word);
/// Initialises a pthread_mutex_t as a mutex that spins for a moment before it sleeps.
void clinux_mutex_init(void *mutex);
int clinux_gettid(void);
/// Two pointers that the calling thread has for itself. They begin as NULL.
void **clinux_thread_places(void);
/// Names the calling thread, as `ps -L` shows it. Only the first 15 bytes count.
void clinux_name_thread(const char *name);

// MARK: Signals and start

/// Handles the given signals by writing the signal's number, one byte, to fd. A later call may give other signals
/// another fd.
///
/// With `second_exits_process` the second of those signals ends the process in the handler, with the exit code
/// 128 + signal, so that a stuck reader of fd cannot prevent it. A handler, unlike SIG_IGN or a mask, is not inherited
/// over exec, so children start with default handling.
int clinux_signals_to(int fd, const int *signals, size_t count, bool second_exits_process);
/// Gives a signal a handler that does nothing. Programs that this process executes start with its default again.
int clinux_make_harmless(int signal);
/// Has C's standard output, Swift's `print` with it, written out at the end of each line, also where it is a pipe.
void clinux_write_out_lines(void);
/// The program's argument with this index, where 0 is the program's name; NULL past the last. Needs neither /proc nor a
/// descriptor.
const char *clinux_argument(int index);
/// Makes all threads allocate from one heap, in place of one for each thread (glibc's arenas).
void clinux_share_one_heap(void);
/// Restricts getpwnam, getaddrinfo and the like to files and DNS, so that they load no NSS plugins.
void clinux_resolve_without_plugins(void);

// MARK: Text

/// The number of columns that a character takes on a terminal, by the C library's table of Unicode, whatever the locale
/// of the environment; 1 for a character that the table does not have.
int clinux_columns(uint32_t character);
