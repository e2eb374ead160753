import CConnectToLinux
import Glibc
import Synchronization

/// A file descriptor that is closed when its last owner lets go.
///
/// The number never changes hands: whoever needs a descriptor of its own takes a ``duplicate()``.
/// So there is no use after close, and no path that forgets to close.
package final class Descriptor: Sendable {
    /// Where the descriptor came from decides who may close it.
    package enum Origin: Sendable {
        /// Made here: closing cannot hang.
        case own
        /// Came from a peer, or from the program, and may be anything: closing it can hang, and never happens on
        /// the loop.
        case peer
    }

    package let rawValue: Int32
    private let origin: Origin
    private let closingMayHang: Atomic<Bool>

    /// Takes over a descriptor. From here on nobody else may close it.
    package init(adopting rawValue: Int32, from origin: Origin = .own) {
        self.rawValue = rawValue
        self.origin = origin
        closingMayHang = Atomic(origin == .peer)
    }

    deinit {
        let rawValue = rawValue
        if closingMayHang.load(ordering: .acquiring) {
            ForeignClosing.close(rawValue)
        } else {
            close(rawValue)
        }
    }

    /// Says whether closing it can hang, in place of what its origin says: for a socket of which is known what is in
    /// it.
    package func setClosingMayHang(_ mayHang: Bool) {
        closingMayHang.store(mayHang, ordering: .releasing)
    }

    /// Whether descriptors that were let go are still to be closed: their numbers are in use until then.
    package static var areBeingClosed: Bool { ForeignClosing.isUnderWay }

    /// Waits until one of those has been closed, if there are any.
    package static func nextIsClosed() async {
        await withCheckedContinuation { continuation in
            ForeignClosing.afterNext { continuation.resume() }
        }
    }

    /// Makes now what closing descriptors from peers takes: a program that is about to serve finds out before that it
    /// can have no more threads.
    package static func prepareClosing() throws(SystemError) {
        try ForeignClosing.prepare()
    }

    /// Waits until every descriptor from a peer that was let go before this call is closed.
    ///
    /// For counting descriptors in tests.
    package static func settleClosing() {
        ForeignClosing.settle()
    }

    /// A second descriptor for what somebody else has open, whatever that is; closed on exec.
    package static func duplicate(of number: Int32) throws(SystemError) -> Descriptor {
        Descriptor(adopting: try systemCall("dup") { clinux_duplicate(number) }, from: .peer)
    }

    /// The same, for somebody who closes it.
    package func duplicateNumber() throws(SystemError) -> Int32 {
        try systemCall("dup") { clinux_duplicate(rawValue) }
    }

    /// A second descriptor for the same open file, closed on exec.
    package func duplicate() throws(SystemError) -> Descriptor {
        Descriptor(adopting: try systemCall("dup") { clinux_duplicate(rawValue) }, from: origin)
    }
}

/// The same descriptor, not only the same open file.
extension Descriptor: Equatable {
    package static func == (a: Descriptor, b: Descriptor) -> Bool { a === b }
}
