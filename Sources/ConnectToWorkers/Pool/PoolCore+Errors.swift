import ConnectToMessaging

extension PoolCore {
    func error(_ refusal: Scheduler.Refusal, lastStart: CallError?) -> CallError {
        switch refusal {
        case .full:
            CallError(
                .queueFull,
                "every worker is busy, and \(limits.queue) tasks wait already (WorkerLimits.queue): wait for room with "
                    + "run, or try again later",
                stage: .waiting)
        case .broken:
            CallError(
                .poolBroken,
                "\(limits.failedStarts) starts of workers in a row have failed; "
                    + (lastStart.map { "the last one: \($0.message); " } ?? "")
                    + "mend that, and call reset() of the pool",
                stage: .waiting, cause: lastStart)
        case .closed:
            CallError(
                .poolClosed, "the pool was drained, terminated or dropped, and takes no more tasks", stage: .waiting)
        }
    }

    func error(_ failure: Scheduler.Failure, of task: PoolTask, lastStart: CallError?) -> CallError {
        let type = task.request.type
        let stage: CallError.Stage = task.worker == nil ? .waiting : .sent
        switch failure {
        case .cancelled:
            return CallError(.cancelled, "the Swift task that waited for the task \(type) was cancelled", stage: stage)
        case .waitedTooLong:
            return CallError(
                .timedOut, "the time in which the task \(type) may wait for a worker is over, and none was free",
                stage: .waiting)
        case .broken:
            return error(.broken, lastStart: lastStart)
        case .closed:
            return CallError(
                .poolClosed, "the pool was drained, terminated or dropped before the task \(type) had ended",
                stage: stage)
        }
    }
}
