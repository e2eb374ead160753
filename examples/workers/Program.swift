import ConnectToWorkers
@preconcurrency import Foundation

/// Thumbnails of a directory of pictures: `thumbnails PICTURES OUTPUT [WORKER [ARGUMENT…]]`, where WORKER is another
/// program that does what this one's workers do.
///
/// A picture that crashes its worker, or keeps it busy for ever, costs that thumbnail and none of the others.
@main struct Program {
    static func main() async {
        setvbuf(stdout, nil, _IOLBF, 0)  // each line at once, into a pipe too
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            if arguments == ["--worker"] { return try await ThumbnailWorker.main() }
            guard arguments.count >= 2 else {
                fputs("thumbnails: name a directory of pictures, and one for their thumbnails\n", stderr)
                exit(EX_USAGE)
            }
            let album = Album(pictures: arguments[0], output: arguments[1], pool: pool(Array(arguments.dropFirst(2))))
            exit(try await album.render() ? EX_OK : EX_SOFTWARE)
        } catch {
            fputs("thumbnails: \(error)\n", stderr)
            exit(1)
        }
    }

    /// As many workers as there are processors, started when there is work for them.
    static func pool(_ command: [String]) -> WorkerPool {
        var program =
            command.isEmpty
            ? WorkerProgram.thisProgram(arguments: ["--worker"])
            : .executable(command[0], arguments: Array(command.dropFirst()))
        // What a worker says when it crashes is shown with its picture. A backtrace would take a second.
        program.errorOutput = .kept
        program.environment["SWIFT_BACKTRACE"] = "enable=no"
        return WorkerPool(program)
    }
}
