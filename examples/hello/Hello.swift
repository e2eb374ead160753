import ConnectTo

/// Two programs that have never heard of each other: `hello listen` in one terminal, `hello connect` in another.
@main
struct Hello {
    static func main() async throws {
        switch CommandLine.arguments.dropFirst() {
        case ["listen"]: try await listen()
        case ["connect"]: try await connect()
        default: print("usage: hello listen | hello connect")
        }
    }

    static func listen() async throws {
        let bus = try await Bus.session()
        let context = try await bus.register("the-listener")
        for await event in context.connects {
            Task {
                let remote = event.source
                try remote.postMessage("Welcome!")
                for try await message in remote.messages { print(message.text ?? "") }
            }  // the port closes with its last reference
        }
    }

    static func connect() async throws {
        let bus = try await Bus.session()
        let port = bus.connectTo("the-listener")  // returns at once; posting works from here on
        try port.postMessage("Hello")
        port.finish()  // that was all; answers are still welcome
        for try await message in port.messages { print(message.text ?? "") }
    }
}
