import CConnectToLinux

extension Reactor {
    /// Watches a descriptor. The closure runs on the loop with the readiness that the kernel reports.
    ///
    /// The caller has to keep the descriptor open until it has called ``Source/cancel()``.
    /// - Throws: ``SystemError``; `notPermitted` (EPERM) for a descriptor that epoll cannot watch because it is always
    ///   ready (a regular file, /dev/null).
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

        /// Watches for other readiness from here on. With ``Readiness/edge``, a condition that already holds is
        /// reported again. Does nothing after ``cancel()``.
        package func change(to readiness: Readiness) {
            guard reactor.state.withLock({ $0.sources[token] != nil }) else { return }
            _ = clinux_epoll_modify(reactor.epoll.rawValue, descriptor, readiness.rawValue, token)
        }

        /// Stops watching. If called on the loop, the handler does not run again after this has returned; if called
        /// on another thread, the handler may still be running then. A second call does nothing, because the
        /// descriptor's number may belong to another file by then.
        package func cancel() {
            // Release the closure outside of the lock: the deinit of an object that it owns may call the reactor.
            guard let handler = reactor.state.withLock({ $0.sources.remove(token) }) else { return }
            defer { withExtendedLifetime(handler) {} }
            _ = clinux_epoll_remove(reactor.epoll.rawValue, descriptor)
        }
    }
}
