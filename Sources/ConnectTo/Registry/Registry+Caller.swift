import ConnectToDBus
import ConnectToLinux
import ConnectToPorts

extension Registry {
    /// Somebody who wants a line. Of the call nothing is held but what is asked for: many may wait, for seconds, and the
    /// bus carries megabytes of what nobody here knows.
    struct Caller: Sendable {
        let call: MethodCall
        var line: StreamSocket
        /// What its process's ports may hold.
        var budget: MemoryBudget?
        /// What is held of it here.
        private let share: MemoryShare
        /// The context that it says it owns; nil also for what is none.
        let claimedContext: ContextName?
        /// Nil for a word that is too long to be one.
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
