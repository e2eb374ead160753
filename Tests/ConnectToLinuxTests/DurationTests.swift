import ConnectToLinux
import Testing

@Suite("A time in nanoseconds")
struct DurationTests {
    @Test(
        "is whole, never negative, and 292 years at the most",
        arguments: [
            (Duration.zero, 0), (.nanoseconds(1), 1), (.seconds(1.5), 1_500_000_000), (.nanoseconds(-1), 0),
            (Duration(secondsComponent: 0, attosecondsComponent: 999_999_999), 0),
            (.seconds(Int64.max), UInt64.max / 2),
            (.seconds(9_223_372_036), 9_223_372_036_000_000_000),
            (.seconds(9_223_372_037), UInt64.max / 2),
            // Where the seconds fit 64 bits, and do not with the fraction.
            (
                Duration(
                    secondsComponent: 18_446_744_073, attosecondsComponent: 800_000_000_000_000_000),
                UInt64.max / 2
            ),
        ] as [(Duration, UInt64)])
    func whole(_ duration: Duration, _ nanoseconds: UInt64) {
        #expect(duration.wholeNanoseconds == nanoseconds)
    }
}
