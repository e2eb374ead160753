import ConnectToLinux
import SystemPackage

extension EventLoop {
    // MARK: Descriptors of your own

    /// Has the loop call a closure whenever a descriptor is ready: a pipe, a socket, a signalfd. From any thread.
    ///
    /// ```swift
    /// let watch = try EventLoop.shared.watch(pipe, for: .read) { readiness in
    ///     // read what is there, without blocking
    /// }
    /// …
    /// watch.cancel()  // then close the pipe
    /// ```
    ///
    /// The closure runs on the loop, as those of ``execute(_:)`` do, and must not block: the descriptor is best
    /// non-blocking (O_NONBLOCK). It gets what the descriptor is ready for: of the readiness asked for, and also
    /// ``Readiness/hangup`` and ``Readiness/error``, which the kernel always reports.
    ///
    /// A watch is level-triggered unless told otherwise: it calls in every turn while the readiness holds, so a closure
    /// that neither reads, nor writes, nor changes or cancels the watch keeps the loop and a processor busy. An
    /// edge-triggered watch calls once for each change; it calls again only for what arrives after that, so its closure
    /// has to read or write until that would block. Nothing is queued: a slow closure sees the latest state alone.
    ///
    /// The loop does not own the descriptor. Cancel the watch **before** closing the descriptor: the kernel watches the
    /// open file behind it, and would go on to report that file while another descriptor refers to it.
    /// - Parameters:
    ///   - descriptor: an open descriptor that this loop does not watch yet.
    ///   - readiness: what to watch for; empty for the end alone, ``Readiness/hangup`` and ``Readiness/error``.
    ///   - edgeTriggered: whether to call once for each change, as above.
    ///   - handler: kept by the loop, with the objects that it holds, until the watch is cancelled.
    /// - Returns: a handle that changes and cancels the watch. Dropping it does not cancel the watch.
    /// - Throws: ``PortError``: ``PortError/Code/invalidDescriptor`` where the descriptor is not open, is watched on this
    ///   loop already, or is a regular file or a directory, for which the kernel knows no readiness;
    ///   ``PortError/Code/outOfResources``.
    public func watch(
        _ descriptor: Int32, for readiness: Readiness, edgeTriggered: Bool = false,
        _ handler: @escaping @Sendable (Readiness) -> Void
    ) throws(PortError) -> Watch {
        do throws(SystemError) {
            let source = try reactor.watch(descriptor, for: readiness.interest(edgeTriggered: edgeTriggered)) {
                handler(Readiness(rawValue: $0.rawValue))
            }
            return Watch(source: source, isEdgeTriggered: edgeTriggered)
        } catch {
            throw .notWatched(descriptor, error)
        }
    }

    /// A descriptor that the loop watches; see ``watch(_:for:edgeTriggered:_:)``. Its methods may be called on any
    /// thread.
    public struct Watch: Sendable {
        let source: Reactor.Source
        let isEdgeTriggered: Bool

        /// Watches for other readiness from here on. An edge-triggered watch reports again what already holds, so a
        /// change to the same readiness asks for the present state. Does nothing after ``cancel()``.
        public func change(to readiness: Readiness) {
            source.change(to: readiness.interest(edgeTriggered: isEdgeTriggered))
        }

        /// Ends the watch and releases its closure. Called on the loop, the closure does not run again after this has
        /// returned; called on another thread, the closure may be running at that moment, and runs to its end. A second
        /// call does nothing.
        public func cancel() {
            source.cancel()
        }
    }

    /// What a descriptor is ready for, or is watched for, as epoll(7) has it.
    public struct Readiness: OptionSet, Sendable, Hashable {
        /// The bits of epoll(7): EPOLLIN and so on. Bits other than those of the constants have no effect.
        public let rawValue: UInt32

        public init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        private init(_ readiness: ConnectToLinux.Readiness) {
            rawValue = readiness.rawValue
        }

        /// Reading does not wait: there are bytes, a connection to accept, or the end of file (EPOLLIN).
        public static let read = Readiness(.read)
        /// Writing does not wait: there is room (EPOLLOUT).
        public static let write = Readiness(.write)
        /// The other side of a stream socket writes no more; what it wrote before may still be unread (EPOLLRDHUP).
        public static let peerHangup = Readiness(.peerHangup)
        /// Both directions of a socket are shut down, or a pipe has no writer any more; what was written before may
        /// still be unread. Reported also where it is not watched for (EPOLLHUP).
        public static let hangup = Readiness(.hangup)
        /// The descriptor has failed, or a pipe has no reader any more. Reported also where it is not watched for
        /// (EPOLLERR).
        public static let error = Readiness(.error)

        private static let all: Readiness = [.read, .write, .peerHangup, .hangup, .error]

        fileprivate func interest(edgeTriggered: Bool) -> ConnectToLinux.Readiness {
            let interest = ConnectToLinux.Readiness(rawValue: intersection(.all).rawValue)
            return edgeTriggered ? interest.union(.edge) : interest
        }
    }
}

extension PortError {
    fileprivate static func notWatched(_ descriptor: Int32, _ cause: SystemError) -> PortError {
        let why: String
        switch cause.errno {
        case .badFileDescriptor: why = "it is not open; give the number of an open descriptor"
        case .notPermitted:
            why = "it is a regular file or a directory, which is always ready; read and write it without a watch"
        case .fileExists:
            why = "this loop watches it already; change or cancel that watch, or watch a duplicate of the descriptor"
        case .noSpace, .noMemory: return .outOfResources("descriptor \(descriptor) cannot be watched", cause)
        default: why = "\(cause)"
        }
        return PortError(.invalidDescriptor, "descriptor \(descriptor) cannot be watched: \(why)", cause: cause)
    }
}
