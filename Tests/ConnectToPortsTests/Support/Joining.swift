extension Task {
    /// The task's value; whoever is cancelled while it waits for it cancels the task. So a test that is over its time
    /// ends, whatever it waits for.
    func joined() async throws(Failure) -> Success {
        let result = await withTaskCancellationHandler {
            await self.result
        } onCancel: {
            cancel()
        }
        return try result.get()
    }
}
