import CConnectToLinux
import Glibc
import SystemPackage

/// Starts a detached thread. `ps -L` shows the first 15 bytes of its name.
public func startDetachedThread(
    named name: String, _ body: @escaping @Sendable () -> Void
) throws(SystemError) {
    final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    var thread = pthread_t()
    let failure = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
            clinux_name_thread(start.name)
            start.body()
            return nil
        }, start.toOpaque())
    if failure != 0 {
        start.release()
        throw SystemError(operation: "pthread_create", errno: Errno(rawValue: failure))
    }
    pthread_detach(thread)
}
