import ConnectTo
import ConnectToMessaging

/// The objects that `--json` writes. Their members, names and order are stable; an unknown fact is null.
enum Event {
    static func standby(name: String, origin: String) -> JSONObject {
        ["event": .string("standby"), "name": .string(name), "origin": .string(origin)]
    }

    static func listening(name: String, origin: String) -> JSONObject {
        ["event": .string("listening"), "name": .string(name), "origin": .string(origin)]
    }

    static func bus(_ status: Bus.Status) -> JSONObject {
        ["event": .string("bus"), "status": .string(status.rawValue)]
    }

    static func connect(_ peer: Peer, port: Int) -> JSONObject {
        ["event": .string("connect"), "port": .integer(port), "peer": .object(object(peer))]
    }

    private static func object(_ peer: Peer) -> JSONObject {
        [
            "pid": .optional(peer.pid), "uid": .optional(peer.uid), "bus": .string(peer.busName),
            "name": .optional(peer.context?.name), "process": .optional(peer.processName),
            "executable": .optional(peer.executable),
        ]
    }

    /// A peer of a hub has come or gone.
    static func change(_ change: HubChange) -> JSONObject {
        switch change {
        case .connected(let peer):
            [
                "event": .string("connected"), "id": .string(peer.id),
                "peer": peer.identity.map { .object(object($0)) } ?? .null,
            ]
        case .disconnected(let peer, let reason):
            [
                "event": .string("disconnected"), "id": .string(peer.id), "reason": .string(reason.code.rawValue),
                "detail": .string(reason.detail),
            ]
        }
    }

    /// The peer has ended its input.
    static func finish(port: Int) -> JSONObject {
        ["event": .string("finish"), "port": .integer(port)]
    }

    static func close(port: Int, reason: CloseReason) -> JSONObject {
        [
            "event": .string("close"), "port": .integer(port), "reason": .string(reason.code.rawValue),
            "detail": .string(reason.detail),
        ]
    }

    /// The peer of a port has died, and the next owner of the name is called. `mayBeLost`: how many messages had been
    /// sent to the dead peer.
    static func interrupted(port: Int, reason: CloseReason, mayBeLost: Int) -> JSONObject {
        [
            "event": .string("interrupted"), "port": .integer(port),
            "reason": .string(reason.code.rawValue), "mayBeLost": .integer(mayBeLost),
        ]
    }

    static func reconnected(port: Int) -> JSONObject {
        ["event": .string("reconnected"), "port": .integer(port)]
    }

    /// A signal has stopped the command of a port, so its peer waits.
    static func commandStopped(port: Int, pid: Int32, signal: Int32) -> JSONObject {
        [
            "event": .string("stopped"), "port": .integer(port), "pid": .integer(Int(pid)),
            "signal": .integer(Int(signal)),
        ]
    }

    /// The command of a port has ended, but a process that it left behind still has its output open; what that writes
    /// is not sent.
    static func outputCutOff(port: Int) -> JSONObject {
        ["event": .string("cut"), "port": .integer(port)]
    }

    /// A request has come.
    static func request(_ type: String, port: Int) -> JSONObject {
        ["event": .string("request"), "port": .integer(port), "type": .string(type)]
    }

    /// A request has got its answer, or the failure with this code.
    static func answered(_ type: String, port: Int, code: String?) -> JSONObject {
        ["event": .string("answer"), "port": .integer(port), "type": .string(type), "code": .optional(code)]
    }

    /// A task of `connect pool` has failed.
    static func taskFailed(_ failure: TaskFailure, line: Int) -> JSONObject {
        var event: JSONObject = [
            "event": .string("failure"), "line": .integer(line), "code": .string(failure.code.rawValue),
            "message": .string(failure.message),
        ]
        switch failure.ending {
        case .exited(let status): event.add("status", .integer(Int(status)))
        case .signaled(let signal): event.add("signal", .integer(Int(signal)))
        case nil: break
        }
        return event
    }

    /// All tasks of `connect pool` are done.
    static func poolEnd(tasks: Int, failed: Int) -> JSONObject {
        ["event": .string("end"), "tasks": .integer(tasks), "failed": .integer(failed)]
    }

    static func error(_ status: ExitStatus, _ message: String) -> JSONObject {
        ["event": .string("error"), "code": .integer(Int(status.code)), "message": .string(message)]
    }

    /// The output of `info`.
    static func info(_ info: ContextInfo, executable: String?) -> JSONObject {
        let statistics = info.statistics.map { statistics in
            JSONObject.Value.object([
                "uptime": .integer(Int(statistics.uptime.components.seconds)),
                "ports": .integer(statistics.openPorts), "admitted": .integer(Int(clamping: statistics.admitted)),
                "refused": .integer(Int(clamping: statistics.refused)),
                "received": .integer(Int(clamping: statistics.bytesReceived)),
                "sent": .integer(Int(clamping: statistics.bytesSent)),
                "tappable": .boolean(statistics.isTappable),
            ])
        }
        return [
            "name": .string(info.name), "origin": .string(info.origin), "pid": .optional(info.owner.pid),
            "process": .optional(info.owner.processName), "executable": .optional(executable),
            "uid": .optional(info.owner.uid), "bus": .string(info.owner.busName),
            "format": .optional(info.format?.rawValue),
            "metadata": info.metadata.map { .object(JSONObject(strings: $0)) } ?? .null,
            "status": statistics ?? .null,
        ]
    }

    /// A service file was written or removed.
    static func activation(
        _ context: ContextName, file: String, isRemoved: Bool, busKnows: Bool?
    ) -> JSONObject {
        [
            "event": .string(isRemoved ? "deactivated" : "activated"), "name": .string(context.name),
            "origin": .string(context.origin), "file": .string(file),
            "known": busKnows.map { .boolean($0) } ?? .null,
        ]
    }

    /// An entry in the output of `list`.
    static func entry(_ entry: DirectoryEntry) -> JSONObject {
        var object: JSONObject = [:]
        add(entry, to: &object)
        return object
    }

    /// A change in the output of `watch`.
    static func change(_ change: DirectoryChange) -> JSONObject {
        var object: JSONObject = ["event": .string(change.kind.rawValue)]
        add(change.entry, to: &object)
        return object
    }

    private static func add(_ entry: DirectoryEntry, to object: inout JSONObject) {
        object.add("name", .string(entry.name))
        object.add("origin", .string(entry.origin))
        object.add("pid", .optional(entry.pid))
        object.add("process", .optional(entry.processName))
        object.add("uid", .optional(entry.uid))
        object.add("metadata", entry.metadata.map { .object(JSONObject(strings: $0)) } ?? .null)
    }
}
