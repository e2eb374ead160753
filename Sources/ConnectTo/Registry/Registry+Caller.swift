import ConnectToDBus
import ConnectToLinux
import ConnectToPorts

extension Registry {
    /// A caller that asks for a line. Of its call only the parts below are kept: many callers may wait, for seconds,
    /// and the bus carries megabytes in keys that are unknown here.
    struct Caller: Sendable {
        let call: MethodCall
        var line: StreamSocket
        /// Bounds what the ports of the caller's process hold.
        var budget: MemoryBudget?
        /// Counts what is held of the caller here.
        private let share: MemoryShare
        /// The context that the caller says it owns; nil also for an invalid name.
        let claimedContext: ContextName?
        /// Nil for a word that is too long for a format.
        let format: LineFormat?
        let metadata: Greeting.Metadata
        let registration: Registration

        init(
            _ call: MethodCall, _ line: StreamSocket, _ hello: Greeting, _ registration: Registration,
            _ share: MemoryShare
        ) {
            self.share = share
            var call = call
            call.body = []
            self.call = call
            self.line = line
            claimedContext = hello.context.flatMap(ContextName.init(busName:))
            format = LineFormat(word: hello.format)
            metadata = hello.metadata
            self.registration = registration
        }
    }
}
