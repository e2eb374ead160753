import ConnectToTesting
import Testing

@Suite("The example dashboard", .privateBus, .timeLimit(.minutes(1)))
struct DashboardTests {
    private let example = Example.built("dashboard")

    @Test("A main window and three others, one of which joins late, tell, ask and greet each other")
    func completeExample() async throws {
        try await withExample(example) { main in
            #expect(await main.line() == "the dashboard is open")
            try await withExample(example, "one") { one in
                #expect(await main.line() == "+ one")
                #expect(await one.line() == "theme light")
                try await withExample(example, "two") { two in
                    #expect(await main.line() == "+ two")
                    #expect(await two.line() == "theme light")

                    try await main.type("theme dark")
                    let acknowledged = await Set([main.line(), main.line()])
                    #expect(acknowledged == ["one is dark", "two is dark"])
                    #expect(await one.line() == "theme dark")
                    #expect(await two.line() == "theme dark")

                    try await withExample(example, "late") { late in
                        #expect(await main.line() == "+ late")
                        #expect(await late.line() == "theme dark")

                        try await one.type("share tea is ready")
                        #expect(await main.line() == "one shares: tea is ready")
                        #expect(await two.line() == "one: tea is ready")
                        #expect(await late.line() == "one: tea is ready")
                        #expect(await one.line() == "2 windows got it")

                        try await main.type("status")
                        let statuses = await Set([main.line(), main.line(), main.line()])
                        #expect(statuses == ["one: dark, 0 notes", "two: dark, 1 notes", "late: dark, 1 notes"])
                        #expect(await main.line() == "that was all")

                        try await late.type("greet one")
                        #expect(await one.line() == "late greets: hello from late")
                        #expect(await late.line() == "one greets back")
                        try await late.type("greet nobody")
                        #expect(await late.line()?.hasPrefix("greet failed: ") == true)
                    }
                    #expect(await main.line() == "- late (peer-exited)")
                }
            }
        }
    }

    @Test("A window that hangs delays no other, and is named; one whose id is taken is refused")
    func hungWindow() async throws {
        try await withExample(example) { main in
            #expect(await main.line() == "the dashboard is open")
            try await withExample(example, "one") { one in
                #expect(await one.line() == "theme light")
                try await withExample(example, "two") { two in
                    #expect(await two.line() == "theme light")
                    #expect(await main.line() == "+ one")
                    #expect(await main.line() == "+ two")
                    try two.suspend()
                    try await main.type("theme dark")
                    #expect(await main.line() == "one is dark")
                    #expect(await main.line() == "two is not: deadline")

                    try await withExample(example, "one") { other in
                        let refused = await other.line()
                        #expect(refused?.contains("\"one\"") == true)
                    }
                }
            }
        }
    }

    @Test("Windows that have greeted each other hear of the end of the main window")
    func mainWindowKilled() async throws {
        try await withExample(example) { main in
            try await withExample(example, "one") { one in
                #expect(await one.line() == "theme light")
                try await withExample(example, "two") { two in
                    #expect(await two.line() == "theme light")
                    try await one.type("greet two")
                    #expect(await two.line() == "one greets: hello from one")
                    #expect(await one.line() == "two greets back")
                    main.kill()
                    #expect(await one.line()?.hasPrefix("the dashboard is gone: ") == true)
                    #expect(await two.line()?.hasPrefix("the dashboard is gone: ") == true)
                }
            }
        }
    }
}
