import ConnectTo
@preconcurrency import Glibc

setvbuf(stdout, nil, _IOLBF, 0)  // each line at once, into a pipe too
do {
    let bus = try await Bus.session()

    if CommandLine.arguments.contains("listen") {
        let context = try await bus.register("the-listener")
        try await context.serve { event in  // the "connect" event, each caller in a task of its own
            let remote = event.source  // a MessagePort; event.peer says who it is
            try remote.postMessage("Welcome!")
            for try await message in remote.messages { print(message.text ?? "") }
        }
    } else {
        let port = bus.connectTo("the-listener")  // returns at once; posting works from here on
        try port.postMessage("Hello")
        port.finish()  // that was all; answers are welcome
        for try await message in port.messages { print(message.text ?? "") }
    }
} catch {
    fputs("hello: \(error)\n", stderr)
    exit(1)
}
