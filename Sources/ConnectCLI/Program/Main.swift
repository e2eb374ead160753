import ArgumentParser
import CConnectToLinux
import ConnectToLinux
import Glibc

@main
enum Main {
    /// Not async: the main thread only waits, and all work is done on the event loop.
    static func main() {
        // The threads allocate little, so a heap for each would cost more than the allocations themselves.
        clinux_share_one_heap()
        StandardDescriptors.openClosed()
        // Ignore two signals that peers can cause: a write without a reader then fails with EPIPE, and a write beyond
        // the process's file size limit with EFBIG.
        for signal in [SIGPIPE, SIGXFSZ] { _ = clinux_make_harmless(signal) }
        Accounts.useFilesAlone()
        let arguments = ArgumentBytes.ofThisProcess()
        do {
            if let worker = PoolWorker(arguments) { worker.start() }
            if let command = Connect.subcommand(of: arguments) { command.start() }
            try Connect.checkSubcommand(in: arguments)
            var command = try Connect.parseAsRoot(arguments)
            guard let work = command as? any ProgramCommand else {
                try command.run()
                return
            }
            work.start()
        } catch {
            leave(error, arguments)
        }
    }

    /// Prints help, version and completions to standard output unchanged, and an error as one text line.
    private static func leave(_ error: any Error, _ arguments: [String]) -> Never {
        let code = Connect.exitCode(for: error)
        if code.isSuccess { show(Connect.fullMessage(for: error)) }
        end(code.rawValue, UsageError(error, arguments).textLine)
    }

    private static func show(_ text: String) -> Never {
        do throws(SystemError) {
            try OutputStream(descriptor: 1, name: "stdout").writeAtOnce(Array("\(text)\n".utf8))
        } catch {
            let failure = Report.failure(of: error)
            if let message = failure.message { end(failure.status.code, message) }
            _exit(failure.status.code)
        }
        _exit(ExitStatus.success.code)
    }

    private static func end(_ code: Int32, _ message: String) -> Never {
        let line = "connect: \(message)\n"
        _ = line.withCString { write(2, $0, strlen($0)) }
        _exit(code)
    }
}

/// Descriptors 0–2, as the parent process left them.
enum StandardDescriptors {
    /// Opens closed ones on /dev/null. Otherwise the next descriptor opened, for example a bus connection, would become
    /// standard output. A closed standard output is opened for reading only: output that it should have got then fails
    /// to be written, as with other commands.
    ///
    /// Call this before anything else is opened.
    static func openClosed() {
        for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
            // open returns the lowest free number, which is this one.
            _ = open("/dev/null", descriptor == 1 ? O_RDONLY : O_RDWR)
        }
    }
}
