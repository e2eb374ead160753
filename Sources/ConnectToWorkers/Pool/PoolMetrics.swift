#if Metrics
    import Metrics
#endif

/// Counts what the process's pools do, for swift-metrics, if the package's trait `Metrics` is on; otherwise these calls
/// do nothing.
///
/// A program has to bootstrap `MetricsSystem` before it makes its first pool. From any thread.
enum PoolMetrics {
    /// What one pool has added to the meters of all.
    struct Load: Sendable {
        #if Metrics
            private var waiting = 0
            private var busy = 0
        #endif

        mutating func update(_ scheduler: Scheduler) {
            #if Metrics
                let (newWaiting, newBusy) = (scheduler.waiting.count, scheduler.workers.count { !$0.running.isEmpty })
                PoolMetrics.waiting.change(by: newWaiting - waiting)
                PoolMetrics.busy.change(by: newBusy - busy)
                (waiting, busy) = (newWaiting, newBusy)
            #endif
        }
    }

    #if Metrics
        private static let waiting = Meter(label: "connectto_pool_tasks_waiting")
        private static let busy = Meter(label: "connectto_pool_workers_busy")
        private static let time = Timer(label: "connectto_pool_task_seconds", preferredDisplayUnit: .seconds)
        private static let started = Counter(label: "connectto_pool_starts_total", dimensions: [("outcome", "ready")])
        private static let failed = Counter(label: "connectto_pool_starts_total", dimensions: [("outcome", "failed")])
        private static let crashes = Counter(label: "connectto_pool_crashes_total")

        static func didEndTask(after duration: Duration) {
            time.recordNanoseconds(Int64(duration / .nanoseconds(1)))
        }
        static func didStart() { started.increment() }
        static func didFailToStart() { failed.increment() }
        static func didCrash() { crashes.increment() }
    #else
        static func didEndTask(after duration: Duration) {}
        static func didStart() {}
        static func didFailToStart() {}
        static func didCrash() {}
    #endif
}

#if Metrics
    extension Meter {
        /// A meter takes no negative amount.
        fileprivate func change(by amount: Int) {
            if amount > 0 { increment(by: Double(amount)) } else if amount < 0 { decrement(by: Double(-amount)) }
        }
    }
#endif
