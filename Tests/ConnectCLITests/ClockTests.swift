import ConnectToTesting
import Testing

/// The wall clock is somebody else's: users and time servers set it while programs run.
@Suite("When the clock is set", .privateBus, .timeLimit(.minutes(1)))
struct ClockTests {
    /// A library put before the C library, with a wall clock that is a day further, or back, each time it is read.
    private static let jumpingClock = """
        cat >clock.c <<'END'
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stddef.h>
        #include <sys/time.h>
        #include <time.h>
        static long reads;
        static long jump(void) { return ++reads % 2 ? 86400 : -86400; }
        int clock_gettime(clockid_t clock, struct timespec *now) {
            int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
            int result = real(clock, now);
            if (clock == CLOCK_REALTIME) now->tv_sec += jump();
            return result;
        }
        int gettimeofday(struct timeval *now, void *zone) {
            struct timespec precise;
            clock_gettime(CLOCK_REALTIME, &precise);
            now->tv_sec = precise.tv_sec;
            now->tv_usec = precise.tv_nsec / 1000;
            return 0;
        }
        time_t time(time_t *result) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (result) *result = now.tv_sec;
            return now.tv_sec;
        }
        END
        clang -shared -fPIC -o clock.so clock.c 2>/dev/null || cc -shared -fPIC -o clock.so clock.c || exit 1
        jumping() { LD_PRELOAD=$PWD/clock.so "$@"; }
        took() { since=$(date +%s%N); "$@"; echo $? $((($(date +%s%N) - since) / 1000000)); }

        """

    @Test("deadlines are what they were: not over at once, and not put off for a day")
    func deadlines() async throws {
        let outcome = try await Shell.run(
            Self.jumpingClock + """
                took jumping connect to nobody hello --wait 0.5 2>/dev/null
                start l connect listen x
                mkfifo input
                took jumping connect to x --timeout 0.5 <>input 2>/dev/null
                [ $(($(jumping date +%s) - $(date +%s))) -gt 80000 ] && echo it jumps
                """)
        #expect(outcome.lines.count == 3 && outcome.lines.last == "it jumps")
        for line in outcome.lines.dropLast() {
            let numbers = line.split(separator: " ").compactMap { Int($0) }
            #expect(numbers.first == 75)
            #expect((450...5_000).contains(numbers.last ?? 0), "milliseconds: \(line)")
        }
    }

    @Test("callers and listeners find each other all the same")
    func talk() async throws {
        let outcome = try await Shell.run(
            Self.jumpingClock + """
                export LD_PRELOAD=$PWD/clock.so
                converse l connect listen x --once
                connect to x one two --wait 5 --no-reply; echo $?
                next; next
                """)
        #expect(outcome.lines == ["0", "one", "two"])
    }
}
