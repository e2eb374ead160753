import ConnectTo

extension Report {
    /// How a command ended, where that says something.
    func note(_ ending: ChildProcess.Ending, port number: Int) async {
        switch ending {
        case .exited(0), .unknown: break
        case .exited(let code): await note("port \(number): the command ended with \(code)")
        case .signaled(let signal): await note("port \(number): the command was ended by signal \(signal)")
        }
    }

    /// A command does nothing, and its caller waits, until somebody lets it go on.
    func stopped(_ stop: ChildProcess.Stop, port number: Int) async {
        await note(
            "port \(number): signal \(stop.signal) has stopped the command, and its peer waits; "
                + "kill -CONT -- -\(stop.pid) lets it go on")
        try? await event(Event.stopped(port: number, pid: stop.pid, signal: stop.signal))
    }

    /// A peer has gone, and left behind what its command does not take.
    func untaken(port number: Int, for time: Duration) async {
        await note(
            "port \(number): the peer is done and has gone, and for \(time.components.seconds) s the command has taken "
                + "nothing of what is left of its messages: they are dropped")
    }

    /// A command has ended, and a process that it has left behind may still write: what it writes goes nowhere.
    func cut(port number: Int) async {
        await note(
            "port \(number): the command has ended, and the line with it, but a process that it has left behind still has "
                + "its output open; what that writes is not sent: have the command wait for it, or start it with >/dev/null"
        )
        try? await event(Event.cut(port: number))
    }
}
