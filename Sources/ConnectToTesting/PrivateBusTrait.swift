public import Testing

extension PrivateBus {
    @TaskLocal private static var running: PrivateBus?

    /// The bus of the running test, made by the trait `.privateBus`.
    ///
    /// It is a task-local value: child tasks and `Task { }` see it, `Task.detached` and plain threads do not.
    /// - Throws: ``PrivateBusError`` with `noCurrentBus` where the trait is missing.
    public static var current: PrivateBus {
        get throws {
            guard let running else { throw PrivateBusError.noCurrentBus }
            return running
        }
    }

    /// Gives each test a bus of its own; see `.privateBus`.
    public struct PerTest: TestTrait, SuiteTrait, TestScoping {
        let services: String?

        /// On a suite, every test in it, and each argument of a test, gets a bus; the suite itself gets none.
        public var isRecursive: Bool { true }

        public func provideScope(
            for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
        ) async throws {
            try await withPrivateBus(services: services) { bus in
                try await PrivateBus.$running.withValue(bus) { try await function() }
            }
        }
    }
}

extension Trait where Self == PrivateBus.PerTest {
    /// A private bus for the test, or for each test of the suite and each argument of those, as
    /// ``PrivateBus/current``. Starting one takes about ten milliseconds.
    ///
    ///     @Suite(.privateBus) struct GreeterTests {
    ///         @Test func greets() async throws {
    ///             let bus = try await Bus.at(PrivateBus.current.address)
    ///             …
    ///         }
    ///     }
    public static var privateBus: Self { Self(services: nil) }

    /// The same with a directory of `.service` files, whose programs the bus starts when a program calls their names.
    public static func privateBus(services: String) -> Self { Self(services: services) }
}
