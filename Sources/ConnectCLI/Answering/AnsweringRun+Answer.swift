import ConnectTo
import ConnectToLinux
import ConnectToMessaging

extension AnsweringRun.Outcome {
    /// What the end of the command means for the caller.
    /// - Parameter isStream: whether the output has gone out already.
    /// - Throws: ``CallFailure``; its details say how the command has ended.
    func answer(as form: PayloadForm, isStream: Bool) throws(CallFailure) -> OutgoingMessage? {
        if let fault = fault { throw CallFailure(.handlerFailed, fault) }
        switch ending {
        case .exited(0): break
        case .exited(let status):
            throw CallFailure(
                .handlerFailed, lastLine ?? "the command ended with exit status \(status)",
                details: .json("{\"status\":\(status)}"))
        case .signaled(let signal):
            throw CallFailure(
                .handlerFailed, lastLine ?? "the command was ended by signal \(signal)",
                details: .json("{\"signal\":\(signal)}"))
        case .unknown:
            throw CallFailure(.handlerFailed, "it is not known how the command ended")
        }
        // A command that prints nothing answers without a payload.
        if isStream || output.isEmpty && form != .bytes { return nil }
        do throws(Failure) {
            return try form.content(output).message
        } catch {
            throw CallFailure(.handlerFailed, "the command's output was not sent: \(error.message ?? "")")
        }
    }
}
