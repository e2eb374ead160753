import ArgumentParser
import ConnectTo
import ConnectToMessaging

struct Post: BusCommand {
    static let configuration = CommandConfiguration(
        commandName: "post",
        abstract: "Tell a program something that needs no answer.",
        discussion: """
            Sends one event of the type TYPE to the program that has NAME, and exits with 0 when that program has \
            taken it. Whether the program does anything with events of this type is not known then: connect call NAME \
            TYPE sends the same as a request, which is answered when it has been handled, and fails with unknown-type \
            where nobody handles it.

            With --peer it goes that way: through the hub that has NAME to one program, which answers when it has \
            handled the event. Then 0 says that it was handled; 68 that the hub does not have the program, 77 that it \
            may not pass the event on, and 70 that the program does not hear events of this type, or has failed.

            PAYLOAD is sent as text, or as bytes where it is not UTF-8; - stands for all of standard input, whose last \
            newline does not count. Without PAYLOAD the event has none.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "The name to call.")
    var name: String

    @Argument(help: "The type of the event.")
    var type: String

    @Argument(help: "What is said; - reads it from standard input.")
    var payload: String?

    @OptionGroup var options: RequestOptions

    func work(in program: Program) async throws -> ExitStatus {
        let (name, origin) = try common.contextName(name)
        let type = try RequestType.checked(type)
        let input = try RequestPayload(payload, options)
        let line = RequestLine(to: name, type: type, options)
        try await line.run(input, options, common, origin: origin, in: program) { messenger, payload in
            let limit = line.timeLeft(orElse: RequestLine.usualTime)
            if let peer = options.peer {
                // As an event that is answered: what a hub cannot pass on as a plain event, it drops in silence.
                let answer = try await messenger.request(type, payload, to: peer, within: limit)
                for thing in answer.transferred { thing.close() }
            } else {
                try messenger.post(type, payload)
                // Answered when the other program has taken all that came before.
                try await messenger.barrier(within: limit)
            }
        }
        return .success
    }
}
