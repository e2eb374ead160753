import ConnectToLinux
import Glibc

extension Peer {
    /// Which application a peer is, and how that is known.
    public struct Application: Sendable, Hashable, CustomStringConvertible {
        /// Where an application's id is known from. Compare with the constants, which stand in order, the strongest
        /// first. New ones may come, so a `switch` needs a default.
        public struct Source: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
            /// The source as it stands in logs.
            public let rawValue: String

            /// A source from a log, to compare with.
            public init(rawValue: String) {
                self.rawValue = rawValue
            }

            /// The sandbox says so: `/.flatpak-info` in the root directory that the process sees. A program inside a
            /// sandbox cannot change that file. A program of the same user outside can make a sandbox that says
            /// anything.
            public static let sandbox = Source(rawValue: "sandbox")
            /// The peer owns a bus name under the id. This is as good as the bus's policy on names: a session bus
            /// gives any name to any program of the user that is not sandboxed.
            public static let busName = Source(rawValue: "bus-name")
            /// The control group in which systemd, or the desktop through systemd, has started the process. A hint:
            /// programs of one user can move between groups.
            public static let controlGroup = Source(rawValue: "cgroup")
            /// The peer says so, by a context; the bus does not confirm that the peer owns it.
            public static let claim = Source(rawValue: "claim")

            public var description: String { rawValue }
        }

        /// The reverse-DNS id, such as `org.example.Editor`.
        public let id: String
        /// Where the id is known from.
        public let source: Source

        /// For tests of code that handles peers; applications of real peers come from ``Peer/application``.
        public init(id: String, source: Source) {
            self.id = id
            self.source = source
        }

        /// Whether the sandbox or the bus vouches for the id. The other sources are the peer's own word, or can be
        /// changed by a program that controls the user's processes.
        public var isVerified: Bool { source == .sandbox || source == .busName }

        public var description: String { "\(id) (\(source))" }
    }
}

extension Peer.Application {
    /// Which application this process is, as it can tell itself: by its sandbox, or else by its control group. Nil where
    /// neither says so. Each access reads it anew, from files of the kernel and of the sandbox.
    ///
    /// Other programs may know another one, by a bus name that this process owns (``Source/busName``).
    public static var current: Peer.Application? {
        // The files are looked up by process number, which is another process's where /proc is of another pid namespace.
        guard processFilesAreOurs else { return nil }
        let process = getpid()
        if case .application(let id) = Sandbox(rootFile(Sandbox.file, of: process, limit: Sandbox.limit)) {
            return Peer.Application(id: id, source: .sandbox)
        }
        return Peer.Application(controlGroup: processFile("cgroup", of: process, limit: Self.controlGroupLimit))
    }

    /// The most that is read of `/proc/PID/cgroup`, in bytes.
    fileprivate static let controlGroupLimit = 4 << 10

    /// - Parameter file: the contents of `/proc/PID/cgroup`.
    fileprivate init?(controlGroup file: [UInt8]?) {
        guard let id = file.flatMap(ControlGroup.application(in:)) else { return nil }
        self.init(id: id, source: .controlGroup)
    }
}

extension Peer {
    /// Which application the peer is, by the strongest source that is known; nil where there is none. Each access
    /// reads it anew.
    ///
    /// Where a sandbox vouches for the id, no weaker source is looked at. Sandboxes are looked for only with
    /// processes of this process's own user. Takes a second at most: a process can make a file system that does not
    /// answer.
    public var application: Application? {
        get async {
            switch await sandbox {
            case .application(let id): return Application(id: id, source: .sandbox)
            case .none, .unknown: break
            }
            if let context { return Application(id: context.origin, source: .busName) }
            let group = process.flatMap { process in
                process.whileRunning { processFile("cgroup", of: process.pid, limit: Application.controlGroupLimit) }
            }
            if let application = Application(controlGroup: group) { return application }
            return claimedContext.map { Application(id: $0.origin, source: .claim) }
        }
    }

    /// What is known of the sandbox that the process is in.
    var sandbox: Sandbox {
        get async {
            guard let process, uid == geteuid() else { return .unknown }
            let file = await ProcessReading.rootFile(Sandbox.file, of: process.pid, limit: Sandbox.limit)
            return process.hasEnded ? .unknown : Sandbox(file)
        }
    }
}
