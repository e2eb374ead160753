import CConnectToDBus
import ConnectToLinux

/// Merges libdbus's watches into one loop source for each descriptor, which changes at most once a turn. libdbus has
/// one watch for reading and one for writing on the same descriptor, and toggles them often.
///
/// Belongs to one ``Link``, and is used on the loop only, as that is.
final class Watches {
    private let reactor: Reactor
    /// Called on the loop when a descriptor is ready. It has to call ``handle(_:on:)``.
    private let onReady: @Sendable (Int32, Readiness) -> Void
    /// libdbus owns the watches, and calls ``remove(_:)`` before it frees one.
    private var watches: [OpaquePointer] = []
    private var sources: [Int32: (source: Reactor.Source, readiness: Readiness)] = [:]
    /// Whether to read nothing for now. Takes effect at the next ``apply()``.
    var readingIsPaused = false

    init(reactor: Reactor, onReady: @escaping @Sendable (Int32, Readiness) -> Void) {
        self.reactor = reactor
        self.onReady = onReady
    }

    func add(_ watch: OpaquePointer) {
        watches.append(watch)
    }

    /// With the last watch of a descriptor, cancels its source at once: libdbus closes the descriptor next, and before
    /// this turn ends the number may belong to another file.
    func remove(_ watch: OpaquePointer) {
        watches.removeAll { $0 == watch }
        let descriptor = dbus_watch_get_unix_fd(watch)
        if !watches.contains(where: { dbus_watch_get_unix_fd($0) == descriptor }) {
            sources.removeValue(forKey: descriptor)?.source.cancel()
        }
    }

    /// Makes the loop's sources match the watches.
    ///
    /// A descriptor without an enabled watch has no source at all: with an empty event mask the kernel would still
    /// report a hang-up, in every turn.
    func apply() throws(SystemError) {
        var wanted: [Int32: Readiness] = [:]
        for watch in watches {
            let isEnabled = dbus_watch_get_enabled(watch) != 0
            wanted[dbus_watch_get_unix_fd(watch), default: []]
                .formUnion(isEnabled ? Self.readiness(of: watch) : [])
        }
        if readingIsPaused { wanted = wanted.mapValues { $0.subtracting(.read) } }
        for (descriptor, readiness) in wanted {
            if let (source, present) = sources[descriptor] {
                if readiness.isEmpty {
                    source.cancel()
                    sources[descriptor] = nil
                } else if readiness != present {
                    source.change(to: readiness)
                    sources[descriptor] = (source, readiness)
                }
            } else if !readiness.isEmpty {
                let source = try reactor.watch(descriptor, for: readiness) { [onReady] in
                    onReady(descriptor, $0)
                }
                sources[descriptor] = (source, readiness)
            }
        }
    }

    /// Has libdbus read and write. Each step of this may toggle, add or remove watches.
    func handle(_ readiness: Readiness, on descriptor: Int32) {
        var flags: UInt32 = 0
        if readiness.contains(.read) { flags |= DBUS_WATCH_READABLE.rawValue }
        if readiness.contains(.write) { flags |= DBUS_WATCH_WRITABLE.rawValue }
        if readiness.contains(.error) { flags |= DBUS_WATCH_ERROR.rawValue }
        if readiness.contains(.hangup) { flags |= DBUS_WATCH_HANGUP.rawValue }
        let always = DBUS_WATCH_ERROR.rawValue | DBUS_WATCH_HANGUP.rawValue
        for watch in watches {
            // Handling the earlier watches may have removed this one, and then its pointer is invalid.
            guard watches.contains(watch), dbus_watch_get_unix_fd(watch) == descriptor,
                dbus_watch_get_enabled(watch) != 0
            else { continue }
            let relevant = flags & (dbus_watch_get_flags(watch) | always)
            if relevant != 0 { dbus_watch_handle(watch, relevant) }
        }
    }

    func cancelAll() {
        for (source, _) in sources.values { source.cancel() }
        sources = [:]
        watches = []
    }

    private static func readiness(of watch: OpaquePointer) -> Readiness {
        var readiness: Readiness = []
        let flags = dbus_watch_get_flags(watch)
        if flags & DBUS_WATCH_READABLE.rawValue != 0 { readiness.insert(.read) }
        if flags & DBUS_WATCH_WRITABLE.rawValue != 0 { readiness.insert(.write) }
        return readiness
    }
}
