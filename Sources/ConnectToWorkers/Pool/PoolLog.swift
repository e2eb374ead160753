import ConnectToMessaging
import Logging

/// What a pool writes to the program's log: starts and ends of workers at debug level, what goes wrong as warnings.
struct PoolLog: Sendable {
    private let logger: Logger?

    init(_ logger: Logger?) {
        self.logger = logger
    }

    func didStart(_ worker: PooledWorker) {
        logger?.debug("worker ready", metadata: worker.metadata)
    }

    func didFailToStart(_ number: Int, _ error: CallError) {
        logger?.warning("worker not started", metadata: ["worker": "\(number)", "error": "\(error)"])
    }

    func didExit(_ worker: PooledWorker, _ exit: WorkerExit, wasTold: Bool) {
        var metadata = worker.metadata
        metadata["exit"] = "\(exit)"
        if wasTold {
            logger?.debug("worker ended", metadata: metadata)
        } else {
            logger?.warning("worker crashed", metadata: metadata)
        }
    }
}

extension PooledWorker {
    fileprivate var metadata: Logger.Metadata { ["worker": "\(number)", "process": "\(processID)"] }
}
