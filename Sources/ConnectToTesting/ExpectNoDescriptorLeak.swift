import ConnectToLinux
public import Testing

/// Runs a closure and records an issue that names every descriptor it has left open.
///
///     @Test(.privateBus) func leavesNothingOpen() async throws {
///         try await expectNoDescriptorLeak {
///             let bus = try await Bus.at(PrivateBus.current.address)
///             …
///             await bus.close()
///         }
///     }
///
/// A descriptor is reported if it was not open before the closure, was open after it, and is still open, the same
/// number on the same socket, pipe, memfd or file, when the limit is over. The wait is for the tests that run
/// beside this one in the same process: the kernel does not say who opened a descriptor, but those of other
/// tests go when they end, and a leaked one stays. So tests need not be `.serialized` for this, and a check that
/// finds nothing open does not wait at all.
///
/// - Not counted are epoll sets, eventfds and timerfds. Event loops are made of them, a process keeps its loops once
///   it has them, and all these descriptors look alike.
/// - Descriptors from peers, which the library closes on a thread of its own, have been closed before counting.
/// - A descriptor that is closed late, but within the limit, is not reported.
/// - A descriptor that another test keeps open for longer than the limit is reported by this test, and so is one that
///   another test leaks while this one runs. To tell which test it belongs to, run this test alone
///   (`swift test --filter`, or all with `--no-parallel`). If a test must keep something open for long, or opens a
///   descriptor for the whole process, put it and this one into a suite that is `.serialized`, or run the closure in
///   a process of its own (`#expect(processExitsWith:)`).
///
/// - Parameters:
///   - limit: how long to wait for descriptors that other tests have open, and so how long it takes to report a leak.
///     It should be longer than any test takes that runs beside this one.
///   - sourceLocation: where a leak is reported.
///   - body: runs where the caller runs. What it returns must not own descriptors.
/// - Returns: what the closure returns.
/// - Throws: what the closure throws, after counting.
nonisolated(nonsending) public func expectNoDescriptorLeak<Result>(
    within limit: Duration = .seconds(10), sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Result
) async throws -> Result {
    try await reportingDescriptorLeak(within: limit, body) { leaked in
        let list = leaked.map(\.description).joined(separator: ", ")
        Issue.record(
            """
            \(leaked.count) descriptors left open: \(list). If the test leaks nothing when it runs alone, they \
            belong to another one in this process that ran beside it: put both into a suite that is .serialized
            """,
            sourceLocation: sourceLocation)
    }
}

/// The same, but a leak is reported to a closure: once, in the order of the descriptors' numbers, and only where
/// there is one.
nonisolated(nonsending) package func reportingDescriptorLeak<Result>(
    within limit: Duration, _ body: () async throws -> Result, report: ([OpenDescriptor]) -> Void
) async throws -> Result {
    let before = try OpenDescriptor.all()
    let result: Swift.Result<Result, any Error>
    do {
        result = .success(try await body())
    } catch {
        result = .failure(error)
    }
    let leaked = try await newDescriptors(since: before, stillOpenAfter: limit)
    if !leaked.isEmpty { report(leaked.sorted { $0.number < $1.number }) }
    return try result.get()
}

/// The descriptors that are open now, were not before, and stay open.
private func newDescriptors(
    since before: Set<OpenDescriptor>, stillOpenAfter limit: Duration
) async throws -> Set<OpenDescriptor> {
    let end = ContinuousClock.now + limit
    Descriptor.waitUntilAllAreClosed()
    // The set is fixed here: a descriptor that is opened from now on cannot be the closure's.
    var suspects = try OpenDescriptor.all().subtracting(before).filter { !$0.belongsToAnEventLoop }
    // No event says that another test has closed a descriptor, so this looks again and again, less and less often.
    var pause = Duration.milliseconds(1)
    while !suspects.isEmpty, ContinuousClock.now < end {
        do {
            try await Task.sleep(for: pause)
        } catch {
            break
        }
        pause = min(pause * 2, .milliseconds(100))
        Descriptor.waitUntilAllAreClosed()
        suspects.formIntersection(try OpenDescriptor.all())
    }
    return suspects
}
