import ConnectTo
import ConnectToMessaging
import ConnectToWorkers

try await Worker.main { worker in
    addPoolTasks(to: worker)
}
