#if Metrics
    import ConnectToTestSupport
    import ConnectToMessaging
    import ConnectToWorkers
    import Metrics
    import MetricsTestKit
    import Testing

    @Suite("Counters of pools for swift-metrics", .timeLimit(.minutes(1)))
    struct PoolMetricsTests {
        @Test("The counters for swift-metrics count tasks that wait, busy workers, time, starts and crashes")
        func metrics() async throws {
            // In a process of its own: who counts is settled once for each process.
            await #expect(processExitsWith: .success) {
                let counters = TestMetrics()
                MetricsSystem.bootstrap(counters)
                try await withPool(WorkerLimits(maximum: 1)) { pool, said in
                    let running = Task { try await pool.run("wait") }
                    _ = try await said.waitingProcess()
                    let queued = Task { try await pool.text("echo", "queued") }
                    try await pool.until { $0.waiting == 1 }
                    #expect(try counters.expectMeter("connectto_pool_tasks_waiting").lastValue == 1)
                    #expect(try counters.expectMeter("connectto_pool_workers_busy").lastValue == 1)
                    running.cancel()
                    _ = try await queued.value
                    await expectError(.workerCrashed) { try await pool.text("exit", "3") }
                    try await pool.until { $0.ending == 0 }
                    #expect(try counters.expectMeter("connectto_pool_tasks_waiting").lastValue == 0)
                    #expect(try counters.expectMeter("connectto_pool_workers_busy").lastValue == 0)
                    let started = try counters.expectCounter("connectto_pool_starts_total", [("outcome", "ready")])
                    #expect(started.totalValue == 1)
                    #expect(try counters.expectCounter("connectto_pool_crashes_total").totalValue == 1)
                    let times = try counters.expectTimer("connectto_pool_task_seconds").values
                    #expect(times.count == 3 && times.allSatisfy { $0 > 0 })
                }
            }
        }
    }
#endif
