import ConnectToLinux
import SystemPackage

extension Failure {
    /// A command could not be run for a peer.
    static func notRun(_ label: String, _ error: any Error) -> Failure {
        let advice: String
        switch (error as? SystemError)?.errno {
        case .resourceTemporarilyUnavailable, .noMemory: advice = "allow more processes (ulimit -u) or memory"
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem: advice = Failure.scarcityAdvice
        case .noSuchFileOrDirectory: advice = "check that it exists, and that its #! line names a program that exists"
        // The kernel runs the command, and no shell takes over a script that has no #! line.
        case .execFormatError: advice = "begin a script with #!/bin/sh; a program has to be built for this machine"
        case .permissionDenied: advice = "make it executable with chmod +x, or check the program that its #! line names"
        default: advice = "run it in a shell as this user to see why"
        }
        return Failure(.inputOutput, "\(label) could not be run (\(error)); \(advice)")
    }
}
