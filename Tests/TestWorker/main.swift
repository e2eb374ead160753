import ConnectTo
import ConnectToMessaging
import ConnectToWorkers

try await Worker.main { worker in
    worker.onRequest("echo") { payload, _ in .text(payload.text ?? "") }
}
