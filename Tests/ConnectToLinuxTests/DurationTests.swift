import ConnectToLinux
import Testing

@Suite("Durations in whole nanoseconds")
struct DurationTests {
    @Test(
        "A duration in whole nanoseconds is never negative, and at most 292 years",
        arguments: [
            (Duration.zero, 0), (.nanoseconds(1), 1), (.seconds(1.5), 1_500_000_000), (.nanoseconds(-1), 0),
            (.milliseconds(1500), 1_500_000_000), (.seconds(-5), 0),
            (Duration(secondsComponent: 0, attosecondsComponent: 5), 0),
            (Duration(secondsComponent: 0, attosecondsComponent: 999_999_999), 0),
            (.seconds(10_000_000_000), UInt64.max / 2),
            (.seconds(Int64.max), UInt64.max / 2),
            (.seconds(9_223_372_036), 9_223_372_036_000_000_000),
            (.seconds(9_223_372_037), UInt64.max / 2),
            // In nanoseconds the seconds alone fit 64 bits, and do not with the fraction.
            (
                Duration(
                    secondsComponent: 18_446_744_073, attosecondsComponent: 800_000_000_000_000_000),
                UInt64.max / 2
            ),
        ] as [(Duration, UInt64)])
    func wholeNanoseconds(_ duration: Duration, _ nanoseconds: UInt64) {
        #expect(duration.wholeNanoseconds == nanoseconds)
    }
}
