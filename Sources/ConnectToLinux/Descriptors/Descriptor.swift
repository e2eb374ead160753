import CConnectToLinux
import Glibc
import Synchronization

/// A file descriptor that is closed when its last reference is released.
///
/// This object alone owns the number. Code that needs a descriptor of its own makes a ``duplicate()``. So no descriptor
/// is used after it was closed, and none is left open.
public final class Descriptor: Sendable {
    /// Where a descriptor came from decides on which thread it is closed.
    public enum Origin: Sendable {
        /// Created by this library: closing it cannot block.
        case own
        /// Came from a peer or from the program, and may refer to any file: closing it can block, and never happens
        /// on the loop.
        case peer
    }

    public let rawValue: Int32
    private let origin: Origin
    private let closingMayHang: Atomic<Bool>

    /// Takes ownership of a descriptor. From here on no other code may close it.
    public init(adopting rawValue: Int32, from origin: Origin = .own) {
        self.rawValue = rawValue
        self.origin = origin
        closingMayHang = Atomic(origin == .peer)
    }

    deinit {
        let rawValue = rawValue
        if closingMayHang.load(ordering: .acquiring) {
            PeerDescriptorCloser.close(rawValue)
        } else {
            close(rawValue)
        }
    }

    /// Overrides what the origin says about closing, for a socket whose remaining content is known.
    package func setClosingMayHang(_ mayHang: Bool) {
        closingMayHang.store(mayHang, ordering: .releasing)
    }

    /// Whether released descriptors have yet to be closed. Their numbers are in use until then.
    public static var areBeingClosed: Bool { PeerDescriptorCloser.isUnderWay }

    /// Waits until one of the released descriptors has been closed; returns at once if none is left to close.
    public static func waitUntilNextIsClosed() async {
        await withCheckedContinuation { continuation in
            PeerDescriptorCloser.afterNext { continuation.resume() }
        }
    }

    /// Starts the thread that closes descriptors from peers, so that a server learns before it begins whether the
    /// system has a thread left for it.
    public static func prepareClosing() throws(SystemError) {
        try PeerDescriptorCloser.prepare()
    }

    /// Blocks until every descriptor from a peer that was released before this call is closed. For tests that count
    /// descriptors.
    package static func waitUntilAllAreClosed() {
        PeerDescriptorCloser.waitUntilAllClosed()
    }

    /// A second descriptor for the open file of a descriptor that other code owns; close-on-exec.
    package static func duplicate(of number: Int32) throws(SystemError) -> Descriptor {
        Descriptor(adopting: try systemCall("dup") { clinux_duplicate(number) }, from: .peer)
    }

    /// The number of a second descriptor for the same open file, close-on-exec. The caller has to close it.
    package func duplicateNumber() throws(SystemError) -> Int32 {
        try systemCall("dup") { clinux_duplicate(rawValue) }
    }

    /// A second descriptor for the same open file; close-on-exec.
    package func duplicate() throws(SystemError) -> Descriptor {
        Descriptor(adopting: try systemCall("dup") { clinux_duplicate(rawValue) }, from: origin)
    }
}

/// Equal if they are the same object. Two descriptors for the same open file are not equal.
extension Descriptor: Equatable {
    public static func == (a: Descriptor, b: Descriptor) -> Bool { a === b }
}
