import CConnectToLinux

/// An object that a thread has for itself while it runs a closure.
///
/// For closures that do not suspend, it does what a `@TaskLocal` does, without its 700 instructions, and tasks that start
/// in the closure do not inherit it.
struct ThreadLocal<Object: AnyObject>: Sendable {
    /// Which of the thread's places it has.
    private let index: Int

    init(place index: Int) {
        self.index = index
    }

    private var place: UnsafeMutablePointer<UnsafeMutableRawPointer?> { clinux_thread_places() + index }

    /// The object of the closure that the calling thread runs, if it runs one.
    var current: Object? { place.pointee.map { Unmanaged<Object>.fromOpaque($0).takeUnretainedValue() } }

    func withValue<Result, Failure: Error>(
        _ object: Object, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let place = place
        let outer = place.pointee
        place.pointee = Unmanaged.passUnretained(object).toOpaque()
        defer {
            place.pointee = outer
            withExtendedLifetime(object) {}
        }
        return try body()
    }
}
