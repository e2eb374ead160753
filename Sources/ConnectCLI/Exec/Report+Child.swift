import ConnectTo
import ConnectToLinux

extension Report {
    /// Reports how a command ended, unless it ended with 0 or in an unknown way.
    func note(_ ending: ChildProcess.Ending, port number: Int) async {
        switch ending {
        case .exited(0), .unknown: break
        case .exited(let code): await note("port \(number): the command ended with exit status \(code)")
        case .signaled(let signal): await note("port \(number): the command was ended by signal \(signal)")
        }
    }

    /// Reports that a signal has stopped a command, so that its caller waits until a user lets the command go on.
    func commandStopped(_ stop: ChildProcess.Stop, port number: Int) async {
        await note(
            "port \(number): signal \(stop.signal) has stopped the command, and its caller waits; "
                + "kill -CONT -- -\(stop.pid) continues it")
        try? await event(Event.commandStopped(port: number, pid: stop.pid, signal: stop.signal))
    }

    /// Reports that a peer has gone, and left messages that the command does not take.
    func inputDropped(port number: Int, for time: Duration) async {
        await note(
            "port \(number): the caller has left, and the command has read none of its remaining messages for "
                + "\(time.components.seconds) s; they are dropped")
    }

    /// Reports that a command has ended, but a process that it left behind may still write, which is not sent.
    func outputCutOff(port number: Int) async {
        await note(
            "port \(number): a process that the command has left behind still has its output open; what it writes is not "
                + "sent; let the command wait for that process, or start the process with >/dev/null"
        )
        try? await event(Event.outputCutOff(port: number))
    }
}
