#define _GNU_SOURCE
#include "CConnectToLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/sockios.h>
#include <locale.h>
#ifdef __GLIBC__
#include <malloc.h>
#include <nss.h>
#endif
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

// MARK: Readiness

const uint32_t CLINUX_IN = EPOLLIN;
const uint32_t CLINUX_OUT = EPOLLOUT;
const uint32_t CLINUX_PEER_HANGUP = EPOLLRDHUP;
const uint32_t CLINUX_HANGUP = EPOLLHUP;
const uint32_t CLINUX_ERROR = EPOLLERR;
const uint32_t CLINUX_EDGE = (uint32_t)EPOLLET;

int clinux_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

static int control(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    return epoll_ctl(epoll, operation, fd, &event);
}

int clinux_epoll_add(int epoll, int fd, uint32_t events, uint64_t token) {
    return control(epoll, EPOLL_CTL_ADD, fd, events, token);
}

int clinux_epoll_modify(int epoll, int fd, uint32_t events, uint64_t token) {
    return control(epoll, EPOLL_CTL_MOD, fd, events, token);
}

int clinux_epoll_remove(int epoll, int fd) { return control(epoll, EPOLL_CTL_DEL, fd, 0, 0); }

int clinux_epoll_wait(int epoll, clinux_event *events, int capacity, int timeout) {
    struct epoll_event ready[64];
    int count = epoll_wait(epoll, ready, capacity < 64 ? capacity : 64, timeout);
    for (int i = 0; i < count; i++) {
        events[i].events = ready[i].events;
        events[i].token = ready[i].data.u64;
    }
    return count;
}

int clinux_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int clinux_timerfd(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK); }

int clinux_timerfd_set(int timer, uint64_t nanoseconds) {
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(nanoseconds / 1000000000u), .tv_nsec = (long)(nanoseconds % 1000000000u)},
    };
    return timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static uint64_t nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t clinux_monotonic_nanoseconds(void) { return nanoseconds(CLOCK_MONOTONIC); }

uint64_t clinux_coarse_nanoseconds(void) { return nanoseconds(CLOCK_MONOTONIC_COARSE); }

// MARK: Sockets

int clinux_socketpair(int ends[2]) { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends); }

_Static_assert(
    sizeof(clinux_piece) == sizeof(struct iovec) &&
        offsetof(clinux_piece, start) == offsetof(struct iovec, iov_base) &&
        offsetof(clinux_piece, count) == offsetof(struct iovec, iov_len),
    "clinux_piece is the kernel's struct iovec");

ptrdiff_t clinux_send(int fd, const clinux_piece *parts, size_t count, const int *descriptors, size_t descriptorCount) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * CLINUX_MAX_DESCRIPTORS)];
    } room;
    struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = count};
    if (descriptorCount > CLINUX_MAX_DESCRIPTORS) {
        errno = EINVAL;
        return -1;
    }
    if (descriptorCount > 0) {
        message.msg_control = room.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptorCount);
        memset(room.bytes, 0, message.msg_controllen);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * descriptorCount);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * descriptorCount);
    }
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ptrdiff_t clinux_receive(int fd, void *buffer, size_t length, int *descriptors, clinux_control *out) {
    union {
        struct cmsghdr header;
        // Room for one full set of descriptors, and for control messages that a peer can force on us by setting
        // SO_PASSPIDFD or SO_PASSCRED.
        char bytes[CMSG_SPACE(sizeof(int) * CLINUX_MAX_DESCRIPTORS) + 256];
    } room;
    struct iovec part = {.iov_base = buffer, .iov_len = length};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = sizeof room.bytes};
    out->descriptorCount = 0;
    out->truncated = 0;
    out->lost = 0;
    out->unexpected = 0;
    ssize_t received = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (received < 0) return received;
    if (message.msg_flags & MSG_CTRUNC) {
        // The kernel fills the buffer before it truncates for lack of room. Room left means another reason.
        int hasRoom = sizeof room.bytes - message.msg_controllen >= CMSG_LEN(sizeof(int));
        out->truncated = !hasRoom;
        out->lost = hasRoom;
    }
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET) {
            out->unexpected = 1;
            continue;
        }
        size_t bytes = header->cmsg_len - CMSG_LEN(0);
        if (header->cmsg_type == SCM_RIGHTS) {
            size_t count = bytes / sizeof(int);
            size_t room_left = CLINUX_MAX_DESCRIPTORS - out->descriptorCount;
            if (count > room_left) count = room_left;  // cannot happen: recvmsg delivers at most one set a call
            memcpy(descriptors + out->descriptorCount, CMSG_DATA(header), count * sizeof(int));
            out->descriptorCount += count;
        } else {
            out->unexpected = 1;
#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif
            // A peer that has set SO_PASSPIDFD on our end makes the kernel install a pidfd here. Do not leak it.
            if (header->cmsg_type == SCM_PIDFD && bytes >= sizeof(int)) {
                int pidfd;
                memcpy(&pidfd, CMSG_DATA(header), sizeof pidfd);
                if (pidfd >= 0) close(pidfd);
            }
        }
    }
    return received;
}

int clinux_peek_descriptors(int fd) {
    char byte;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    // Without room for control messages the kernel sets MSG_CTRUNC if any come; MSG_PEEK leaves them in the socket.
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (recvmsg(fd, &message, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN) return -1;
    return (message.msg_flags & MSG_CTRUNC) != 0;
}

int clinux_shutdown(int fd) { return shutdown(fd, SHUT_RDWR); }

int clinux_is_connected_unix_stream(int fd) {
    int domain = 0, type = 0;
    socklen_t length = sizeof(int);
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0) return errno == ENOTSOCK ? 0 : -1;
    length = sizeof(int);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0) return -1;
    if (domain != AF_UNIX || type != SOCK_STREAM) return 0;
    // Only a connected stream socket has a peer (a listening or fresh one gives ENOTCONN). A socket whose peer has hung
    // up counts as connected, because it may hold unread bytes.
    struct sockaddr_storage name;
    length = sizeof name;
    if (getpeername(fd, (struct sockaddr *)&name, &length) < 0) return 0;
    return 1;
}

int clinux_process_at_other_end(int fd) {
    struct ucred end;
    socklen_t length = sizeof end;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &end, &length) < 0) return -1;
    return end.pid;
}

int clinux_name_end(int fd) {
    // An address of the family alone makes the kernel choose a free name (autobind, unix(7)).
    struct sockaddr_un none = {.sun_family = AF_UNIX};
    return bind(fd, (struct sockaddr *)&none, sizeof none.sun_family);
}

int clinux_other_end_is_named(int fd) {
    struct sockaddr_un name;
    socklen_t length = sizeof name;
    if (getpeername(fd, (struct sockaddr *)&name, &length) < 0) return 0;
    return length > sizeof name.sun_family;
}

// MARK: Files

int clinux_bytes_ready(int fd) {
    int count = 0;
    return ioctl(fd, FIONREAD, &count) < 0 ? 0 : count;
}

int clinux_bytes_unread(int fd) {
    int count = 0;
    return ioctl(fd, SIOCOUTQ, &count) < 0 ? 0 : count;
}

int clinux_duplicate(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 0); }

int clinux_memfd(const char *name) { return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING); }

const int CLINUX_SEAL_SHRINK = F_SEAL_SHRINK;
const int CLINUX_SEAL_GROW = F_SEAL_GROW;
const int CLINUX_SEAL_WRITE = F_SEAL_WRITE;

int clinux_add_seals(int fd, int seals) { return fcntl(fd, F_ADD_SEALS, seals); }

int clinux_seals(int fd) { return fcntl(fd, F_GET_SEALS); }

const int CLINUX_O_TMPFILE = O_TMPFILE;
const int CLINUX_O_PATH = O_PATH;
const int CLINUX_SEEK_DATA = SEEK_DATA;
const int CLINUX_SEEK_HOLE = SEEK_HOLE;

ptrdiff_t clinux_copy_range(int from, int to, int64_t offset, size_t count) {
    off64_t source = offset, target = offset;
    return copy_file_range(from, &source, to, &target, count, 0);
}

int clinux_rename_in(int directory, const char *from, const char *to, int overwrite) {
    if (overwrite) return renameat(directory, from, directory, to);
    if (renameat2(directory, from, directory, to, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return -1;
    // A file system without RENAME_NOREPLACE usually supports link(2), which does not replace either.
    if (linkat(directory, from, directory, to, 0) < 0) return -1;
    return unlinkat(directory, from, 0);
}

// MARK: Processes

int clinux_spawn(int *pid, const clinux_program *program) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int error = posix_spawnattr_init(&attributes);
    if (error) return error;
    error = posix_spawn_file_actions_init(&actions);
    if (!error) {
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        // As the attributes begin, SETPGROUP makes a group with the program as its leader.
        int place = program->joins_session ? POSIX_SPAWN_SETPGROUP : POSIX_SPAWN_SETSID;
        posix_spawnattr_setflags(&attributes, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | place));
        error = posix_spawn_file_actions_adddup2(&actions, program->input, 0);
        if (!error) error = posix_spawn_file_actions_adddup2(&actions, program->output, 1);
        if (!error && program->errors >= 0) error = posix_spawn_file_actions_adddup2(&actions, program->errors, 2);
        for (int i = 0; !error && i < program->kept_count; i++) {
            // dup2 onto the same number clears close-on-exec.
            error = posix_spawn_file_actions_adddup2(&actions, program->kept[i], program->kept[i]);
        }
        if (!error && program->closes_others) error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
        if (!error && program->directory) {
            error = posix_spawn_file_actions_addchdir_np(&actions, program->directory);
        }
        if (!error) {
            error = posix_spawnp(
                pid, program->file, &actions, &attributes, program->arguments, program->environment);
        }
        posix_spawn_file_actions_destroy(&actions);
    }
    posix_spawnattr_destroy(&attributes);
    return error;
}

int clinux_pipe(int ends[2], int ours) {
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    // The two ends are two open file descriptions: O_NONBLOCK on ours does not affect the other one.
    return fcntl(ends[ours], F_SETFL, O_NONBLOCK | (ours ? O_WRONLY : O_RDONLY));
}

enum { CLINUX_P_PIDFD = 3 };  // P_PIDFD (Linux 5.4), which older headers do not have

int clinux_poll_child(int pid, int pidfd, bool ended, bool keeps, int *how, int *status) {
    siginfo_t news = {.si_pid = 0};
    idtype_t type = pidfd < 0 ? P_PID : (idtype_t)CLINUX_P_PIDFD;
    id_t id = (id_t)(pidfd < 0 ? pid : pidfd);
    int options = WNOHANG | (ended ? WEXITED : WSTOPPED) | (keeps ? WNOWAIT : 0);
    int result;
    do {
        result = waitid(type, id, &news, options);
    } while (result < 0 && errno == EINTR);
    if (result < 0) return -1;
    *how = news.si_code;
    *status = news.si_status;
    return news.si_pid != 0;
}

int clinux_limit(int pid, int resource, uint64_t soft, uint64_t hard) {
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    return prlimit(pid, resource, &limit, NULL);
}

int clinux_set_thread_niceness(int niceness) { return setpriority(PRIO_PROCESS, 0, niceness); }

int clinux_signal_when_parent_ends(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }

int clinux_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int clinux_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int clinux_pidfd_has_ended(int pidfd) {
    struct pollfd watched = {.fd = pidfd, .events = POLLIN};
    int count = poll(&watched, 1, 0);
    if (count < 0) return -1;
    return count > 0 && (watched.revents & POLLIN) != 0;
}

int clinux_kill_at_hangup(int socket, int pid) {
    // With O_ASYNC the kernel sends the F_SETSIG signal to the F_SETOWN process when the socket's state changes.
    if (fcntl(socket, F_SETSIG, SIGKILL) < 0 || fcntl(socket, F_SETOWN, pid) < 0) return -1;
    return fcntl(socket, F_SETFL, O_ASYNC);
}

int clinux_open_in_root(int pid, const char *name, int *root) {
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/root", (int)pid);
    int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    *root = directory >= 0;
    if (directory < 0) return -1;
    int file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int saved = errno;
    close(directory);
    errno = saved;
    return file;
}

// MARK: Threads

bool clinux_light_fence_is_enough;

static bool membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0) == 0; }

/// Runs before the process has other threads, when registering costs nothing.
__attribute__((constructor)) static void prepare_heavy_fence(void) {
    clinux_light_fence_is_enough = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

void clinux_heavy_fence(void) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) return;
    // The kernel lacks the call, or a sandbox has forbidden it since. From here on the light halves are real fences.
    // Light halves that were passed before that are complete after this sleep; the mutex keeps other threads from
    // returning before it ends.
    pthread_mutex_lock(&mutex);
    if (clinux_light_fence_is_enough) {
        __atomic_store_n(&clinux_light_fence_is_enough, false, __ATOMIC_SEQ_CST);
        struct timespec time = {.tv_nsec = 1000000};
        while (nanosleep(&time, &time) != 0) {}
    }
    pthread_mutex_unlock(&mutex);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void clinux_futex_wait(const void *word, uint32_t expected) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

void clinux_futex_wake(const void *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); }

void clinux_mutex_init(void *mutex) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

int clinux_gettid(void) {
    static __thread pid_t own;
    if (own == 0) own = (pid_t)syscall(SYS_gettid);
    return own;
}

void **clinux_thread_places(void) {
    static __thread void *places[2];
    return places;
}

void clinux_name_thread(const char *name) { (void)prctl(PR_SET_NAME, name, 0, 0, 0); }

// MARK: Signals and start

static volatile int signal_targets[NSIG];  // Each entry is a descriptor + 1, so that 0 means none.
static volatile bool second_exits[NSIG];
static volatile sig_atomic_t one_has_come;

static void forward(int number) {
    if (second_exits[number]) {
        if (one_has_come) _exit(128 + number);
        one_has_come = 1;
    }
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    int target = signal_targets[number] - 1;
    if (target >= 0) (void)!write(target, &byte, 1);
    errno = saved;
}

int clinux_signals_to(int fd, const int *signals, size_t count, bool second_exits_process) {
    struct sigaction action = {.sa_handler = forward, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < count; i++) {
        signal_targets[signals[i]] = fd + 1;
        second_exits[signals[i]] = second_exits_process;
        if (sigaction(signals[i], &action, NULL) < 0) return -1;
    }
    return 0;
}

static void ignore(int number) { (void)number; }

int clinux_make_harmless(int signal) {
    struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    return sigaction(signal, &action, NULL);
}

void clinux_write_out_lines(void) { (void)setvbuf(stdout, NULL, _IOLBF, 0); }

static int argument_count;
static char **argument_list;

/// Swift's runtime, linked statically, looks up its own path in /proc before main, and aborts where /proc is missing. It
/// does not look if SWIFT_ROOT is set; nothing else here uses that path. Priority 101 runs this before the runtime's
/// constructors.
__attribute__((constructor(101))) static void outlive_missing_proc(void) {
    if (access("/proc/self/exe", F_OK) != 0) setenv("SWIFT_ROOT", "/", 0);
}

/// The C library calls constructors with the arguments of main.
__attribute__((constructor)) static void keep_arguments(int count, char **arguments) {
    argument_count = count;
    argument_list = arguments;
}

const char *clinux_argument(int index) { return index < argument_count ? argument_list[index] : NULL; }

void clinux_share_one_heap(void) {
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 1);
#endif
}

void clinux_resolve_without_plugins(void) {
#ifdef __GLIBC__
    // The C library contains these services itself.
    __nss_configure_lookup("passwd", "files");
    __nss_configure_lookup("group", "files");
    __nss_configure_lookup("initgroups", "files");
    __nss_configure_lookup("hosts", "files dns");
    __nss_configure_lookup("services", "files");
#endif
}

// MARK: Text

static locale_t unicode;

static void load_unicode(void) { unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0); }

int clinux_columns(uint32_t character) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_unicode);
    if (!unicode) return 1;
    // wcwidth goes by the locale of the thread.
    locale_t former = uselocale(unicode);
    int columns = wcwidth((wchar_t)character);
    uselocale(former);
    return columns < 0 ? 1 : columns;
}
