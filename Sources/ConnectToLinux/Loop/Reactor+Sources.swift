import CConnectToLinux

extension Reactor {
    /// Watches a descriptor; the closure runs on the loop with what it became ready for.
    ///
    /// The caller keeps the descriptor open until it has called ``Source/cancel()``.
    /// - Throws: ``SystemError``; `notPermitted` where the descriptor is of a kind that is always ready
    ///   (a regular file, /dev/null).
    package func watch(
        _ descriptor: Int32, for readiness: Readiness, _ handler: @escaping @Sendable (Readiness) -> Void
    ) throws(SystemError) -> Source {
        let token = state.withLock { $0.sources.insert(handler) }
        do throws(SystemError) {
            try systemCall("epoll_ctl") {
                clinux_epoll_add(epoll.rawValue, descriptor, readiness.rawValue, token)
            }
        } catch {
            _ = state.withLock { $0.sources.remove(token) }
            throw error
        }
        return Source(token: token, descriptor: descriptor, reactor: self)
    }

    package struct Source: Sendable {
        fileprivate let token: UInt64
        fileprivate let descriptor: Int32
        fileprivate let reactor: Reactor

        /// Watches for something else from here on; an edge that holds already is told again. Does nothing once
        /// cancelled.
        package func change(to readiness: Readiness) {
            guard reactor.state.withLock({ $0.sources[token] != nil }) else { return }
            _ = clinux_epoll_modify(reactor.epoll.rawValue, descriptor, readiness.rawValue, token)
        }

        /// Watches no more. The handler does not run again once this has returned on the loop; elsewhere it
        /// may be running while this returns. A second call does nothing: by then the descriptor's number may
        /// be another's.
        package func cancel() {
            // The closure is let go outside of the lock: it may own what calls back into the reactor.
            guard let handler = reactor.state.withLock({ $0.sources.remove(token) }) else { return }
            defer { withExtendedLifetime(handler) {} }
            _ = clinux_epoll_remove(reactor.epoll.rawValue, descriptor)
        }
    }
}
