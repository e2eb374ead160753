import Glibc

/// A moment on CLOCK_MONOTONIC, which stands still while the machine sleeps.
///
/// In nanoseconds: every request asks for the time several times, and arithmetic with `Duration`, in attoseconds of
/// 128 bits, is a part of its cost that can be measured.
struct Deadline: Comparable, Sendable {
    private let nanoseconds: Int64

    private init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    static var now: Deadline {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Deadline(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// So long from now. A time beyond centuries is cut off.
    init(in duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let length = overflow ? (seconds < 0 ? 0 : Int64.max / 2) : nanoseconds + attoseconds / 1_000_000_000
        self.nanoseconds = Self.now.nanoseconds + min(max(length, 0), Int64.max / 2)
    }

    init(inMilliseconds milliseconds: UInt32) {
        nanoseconds = Self.now.nanoseconds + Int64(milliseconds) * 1_000_000
    }

    /// Less than zero once it has passed.
    var timeLeft: Duration { .nanoseconds(nanoseconds - Self.now.nanoseconds) }

    /// Rounded up, and at least 1.
    var millisecondsLeft: UInt32 {
        UInt32(clamping: max(1, (nanoseconds - Self.now.nanoseconds + 999_999) / 1_000_000))
    }

    static func < (a: Deadline, b: Deadline) -> Bool { a.nanoseconds < b.nanoseconds }
}
