import ConnectToTesting
import Testing

/// The wall clock is somebody else's: users and time servers set it while programs run.
@Suite("connect while the wall clock is set", .privateBus, .timeLimit(.minutes(1)))
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

    @Test("--wait and --timeout last as long as they say while the wall clock jumps by a day")
    func deadlinesIgnoreTheWallClock() async throws {
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

    @Test("Callers and listeners find each other while the wall clock jumps by a day")
    func callersFindListeners() async throws {
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

/// Deadlines are of CLOCK_MONOTONIC, which stands still while the machine is suspended. A test cannot suspend it; it
/// can stop a process, and give one a clock that shows another time.
@Suite("connect to --wait in a stopped process or another time namespace", .privateBus, .timeLimit(.minutes(1)))
struct StoppedCallTests {
    @Test("connect to --wait reaches a listener that came while the caller was stopped for longer than the wait")
    func reachesAListenerThatCameMeanwhile() async throws {
        let outcome = try await Shell.run(
            """
            mkfifo seen
            dbus-monitor --address "$DBUS_SESSION_BUS_ADDRESS" "type='method_call',member='Connect'" >seen & monitor=$!
            exec 6<seen
            # saw WORD: waits for a line of the monitor's with this in it.
            saw() { while read -r line <&6; do case $line in *$1*) return;; esac; done; }
            saw member=NameLost
            connect to late hello --wait 1 --no-reply & caller=$!
            # Once to find nobody, and once more when it is certain to hear of an owner.
            saw member=Connect; saw member=Connect
            freeze $caller
            start l connect listen late --once
            # Longer than it was to wait. There is nothing to await but the clock.
            timeout 1.5 tail -f /dev/null
            kill -CONT $caller; ends $caller
            wait $pid; cat l.out
            kill $monitor
            """)
        #expect(outcome.lines == ["0", "hello"])
        #expect(outcome.errors == "")
    }

    @Test("connect to --wait keeps its time and finds its listener in another time namespace")
    func keepsItsTimeInAnotherTimeNamespace() async throws {
        let outcome = try await Shell.run(
            """
            elsewhen() { unshare --time --fork --monotonic 5000000 --boottime 7000000 "$@"; }
            elsewhen true 2>/dev/null || { echo "no time namespace"; exit; }
            took() { since=$(date +%s%N); "$@"; echo $? $((($(date +%s%N) - since) / 1000000)); }
            took elsewhen connect to nobody hello --wait 0.5 2>/dev/null
            start l connect listen x --exec cat
            elsewhen connect to x hello --wait 5
            """)
        if outcome.lines == ["no time namespace"] { return }
        let numbers = outcome.lines.first?.split(separator: " ").compactMap { Int($0) } ?? []
        #expect(numbers.first == 75)
        #expect((450...5_000).contains(numbers.last ?? 0), "milliseconds: \(numbers)")
        #expect(outcome.lines.last == "hello")
    }
}
