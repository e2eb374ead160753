import ConnectTo
import ConnectToLinux
import ConnectToMessaging
import ConnectToTesting
import Testing

@testable import ConnectCLI

@Suite("connect post", .privateBus, .timeLimit(.minutes(1))) struct PostTests {
    @Test("connect post exits with 0 when the other program has taken the event, even one that it does not know")
    func eventIsTakenBeforeTheExit() async throws {
        let heard = Lock<[String]>([])
        let handlers = Handlers()
        handlers.onEvent("theme") { payload, _ in
            heard.withLock { $0.append("\(payload.kind.map { "\($0)" } ?? "none") \(payload.text ?? "")") }
        }
        handlers.onUnknown { type, _, _ in heard.withLock { $0.append("unknown \(type)") } }
        handlers.onRequest("heard") { _, _ in .text(heard.withLock(\.self).joined(separator: "|")) }
        let outcome = try await withAnswers(
            handlers,
            """
            connect post x theme dark; echo $?
            connect post x theme; echo $?
            echo '{"a":1}' | connect post x theme --as-json -; echo $?
            connect post x nobody; echo $?
            connect call x theme asked; echo $?
            connect call x heard
            seq 3000000 | connect post x theme - ; echo $?
            """)
        #expect(
            outcome.lines == [
                "0", "0", "0", "0", "0", #"text dark|none |json {"a":1}|unknown nobody|text asked"#, "0",
            ])
        #expect(heard.withLock(\.self).last?.utf8.count == 5 + 22_888_895)
    }

    @Test("connect post exits with 75 where the other program takes nothing, and with 76 where it dies")
    func untakenEventIsNotSuccess() async throws {
        let outcome = try await Shell.run(
            """
            start l connect serve x none -- cat; freeze $pid
            connect post x any --wait 1 --timeout .3 2>err; echo $?; cat err
            kill -CONT $pid
            seq 3000000 >big
            mkfifo open; connect post x any --timeout 60 - <open 2>err & c=$!
            exec 6>open; until connect info x | grep -q '1 open'; do :; done
            kill -KILL $pid; cat big >&6; exec 6>&-
            ends $c; grep -c 'see why it ended' err
            """)
        #expect(
            outcome.lines == [
                "75",
                "connect: the call was not done within 0.3 s (--timeout): x has not answered; look at what it does, or allow more time",
                "76", "1",
            ])
    }
}
