import ConnectTo

extension Report {
    /// Reports how a command ended, unless it ended with 0 or in an unknown way.
    func note(_ ending: ChildProcess.Ending, port number: Int) async {
        switch ending {
        case .exited(0), .unknown: break
        case .exited(let code): await note("port \(number): the command ended with \(code)")
        case .signaled(let signal): await note("port \(number): the command was ended by signal \(signal)")
        }
    }

    /// Reports that a signal has stopped a command, so that its caller waits until a user lets the command go on.
    func commandStopped(_ stop: ChildProcess.Stop, port number: Int) async {
        await note(
            "port \(number): signal \(stop.signal) has stopped the command, and its peer waits; "
                + "kill -CONT -- -\(stop.pid) lets it go on")
        try? await event(Event.commandStopped(port: number, pid: stop.pid, signal: stop.signal))
    }

    /// Reports that a peer has gone, and left messages that the command does not take.
    func inputDropped(port number: Int, for time: Duration) async {
        await note(
            "port \(number): the peer is done and has gone, and for \(time.components.seconds) s the command has taken "
                + "nothing of what is left of its messages: they are dropped")
    }

    /// Reports that a command has ended, but a process that it left behind may still write, which is not sent.
    func outputCutOff(port number: Int) async {
        await note(
            "port \(number): the command has ended, and the line with it, but a process that it has left behind still has "
                + "its output open; what that writes is not sent: have the command wait for it, or start it with >/dev/null"
        )
        try? await event(Event.outputCutOff(port: number))
    }
}
