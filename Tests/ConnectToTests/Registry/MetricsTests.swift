#if Metrics
    @testable import ConnectTo
    import ConnectToTestSupport
    import ConnectToTesting
    import Metrics
    import MetricsTestKit
    import Testing

    /// In a process of their own (`make test-metrics`): who counts is settled with the first context.
    @Suite("Counters for swift-metrics", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
    struct MetricsTests {
        @Test("The counters for swift-metrics count introductions, ports and bytes")
        func metricsCountIntroductionsPortsBytes() async throws {
            let counters = TestMetrics()
            MetricsSystem.bootstrap(counters)
            let bus = try await Bus.onPrivateBus()
            let context = try await bus.register("x", options: .init(callerLimit: 2))
            let closed = try await bus.register("y", options: .init(admission: .not(.everyone)))

            let port = bus.connectTo("x")
            try port.postMessage("hello")
            let event = try #require(await context.nextConnect())
            let hello = try await event.source.nextText()
            #expect(hello == "hello")
            try event.source.postMessage("hello to you")
            let answer = try await port.nextText()
            #expect(answer == "hello to you")
            #expect(try await bus.connectTo("y").waitUntilClosed().code == .refused)

            let label = "connectto_introductions_total"
            #expect(try counters.expectCounter(label, [("outcome", "accepted")]).totalValue == 1)
            #expect(try counters.expectCounter(label, [("outcome", "refused")]).totalValue == 1)
            #expect(try counters.expectMeter("connectto_ports_open").lastValue == 1)
            let statistics = context.statistics
            #expect(
                try counters.expectCounter("connectto_received_bytes_total").totalValue
                    == Int64(statistics.bytesReceived))
            #expect(
                try counters.expectCounter("connectto_sent_bytes_total").totalValue == Int64(statistics.bytesSent)
            )
            #expect(statistics.bytesReceived > 5 && statistics.bytesSent > 12)
            withExtendedLifetime((port, event, closed)) {}
        }
    }
#endif
