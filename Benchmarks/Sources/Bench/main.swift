// Our side of the measurements: `Bench WHAT SIZE SECONDS`, with BENCH_BUS (a bus to meet on), BENCH_CPUS (placement)
// and BENCH_WHERE (`loop` or `pool`: where the tasks run) in the environment. It starts itself again as the other
// process, and prints one line of JSON for each measurement.

import CBench
import ConnectTo
import Glibc

let work = Work(CommandLine.arguments)
if work.what == Work.nothing { exit(0) }
if bench_pin(work.isServer ? 1 : 0) != 0 { fail("cannot be pinned to BENCH_CPUS") }
if bench_raise_descriptor_limit() != 0 { fail("the limit of descriptors cannot be raised") }

// Not asynchronous: what is measured on the loop has no other thread to hop to.
if work.what == "instructions" {
    try Instructions(count: work.size).run()
} else {
    Task(executorPreference: try work.executor) {
        do {
            try await work.run()
            exit(0)
        } catch { fail("\(work.what): \(error)") }
    }
    while true { pause() }
}
