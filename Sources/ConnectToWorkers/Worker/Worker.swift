import CConnectToLinux
import ConnectTo
import ConnectToLinux
public import ConnectToMessaging
import Glibc

/// The worker's side: a program that answers what its parent asks on descriptor 0.
///
/// ```swift
/// @main struct ThumbnailWorker {
///     static func main() async throws {
///         try await Worker.main { worker in
///             worker.on(Thumbnails.render) { image, _ in try render(image) }
///         }
///     }
/// }
/// ```
public enum Worker {
    /// Serves the parent until it ends the line, or until SIGTERM.
    ///
    /// Descriptor 0 is taken before anything else: what the program reads from its standard input is at its end.
    /// Standard output goes to the parent's standard error, and is written out line by line. SIGINT is ignored: Ctrl-C is
    /// for the parent, which ends its workers.
    ///
    /// **Ready.** The worker is ready when the closure has returned, and the parent waits for that; what takes long, such
    /// as loading a model, belongs into it. Handlers are set in it. Events that it posts wait until then. A request to
    /// the parent needs `worker.start()` before it, which makes the worker ready.
    ///
    /// **The end.** When the parent ends the line, by itself or because it was killed, handlers are cancelled, and this
    /// call returns when all of them have returned and all other processes of the worker's session are killed. A program
    /// that then returns from its main function has the exit status 0. Where it has not ended when the grace is over, all
    /// processes of the session are killed, this one too. That is done by the port's loop, so a handler that computes in
    /// an endless loop does not keep the worker alive, unless it runs on that loop (`MessengerOptions.executor`).
    ///
    /// - Parameters:
    ///   - grace: how long handlers may go on after the end of the line.
    ///   - options: how the line is treated on this side: above all how many requests run at the same time
    ///     (`MessengerOptions.places`).
    ///   - atEnd: runs when the line has ended and the handlers have returned, and before the other processes of the
    ///     session are killed, within the grace: for what has to be put away in order.
    ///   - setUp: gets the messenger of the line, to set handlers on.
    /// - Throws: `CallError` with `workerNotStarted` where descriptor 0 is no line, as in a program that was started by
    ///   hand; and what the closure throws, before the worker is ready.
    public static func main(
        grace: Duration = .seconds(1), options: MessengerOptions = MessengerOptions(),
        atEnd: (@Sendable () async -> Void)? = nil, _ setUp: (Messenger) async throws -> Void
    ) async throws {
        let life = try WorkerSide(grace: grace, options: options)
        do {
            try await setUp(life.messenger)
        } catch {
            // The parent reads in the standard error why, and need not wait for the program's end to see it.
            life.messenger.close()
            throw error
        }
        life.serve()
        await life.waitUntilHandlersReturn()
        await atEnd?()
        life.endSession()
    }
}
