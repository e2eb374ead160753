// A worker that does what tests ask, and the parent of workers, which tests can kill: `ConnectToTestWorker [ROLE …]`.

import ConnectTo
import ConnectToMessaging
import ConnectToWorkers
import Glibc

let arguments = Array(CommandLine.arguments.dropFirst())
switch arguments.first {
case nil, "pool": try await Worker.main { worker in addPoolTasks(to: worker) }
case "worker": try await Worker.main { worker in answerAll(worker) }
case "tidy": try await Worker.main(grace: .seconds(60), atEnd: noteTheEnd) { worker in answerAll(worker) }
case "patient": try await Worker.main(grace: .seconds(60)) { worker in answerAll(worker) }
case "broken":
    try await Worker.main { _ in
        print("there is no model")
        exit(3)
    }
case "setting-up":
    try await Worker.main { _ in
        say("setting up")
        spin()
    }
case "careless": await serveCarelessly()
case "parent": try await startWorkers(Array(arguments.dropFirst()))
case "starved": try await startWithoutDescriptors()
case "lonely": try await startWithoutProcesses()
default:
    say("no such role: \(arguments)")
    exit(64)
}
