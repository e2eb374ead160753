import ConnectTo
import ConnectToMessaging
import ConnectToWorkers
@preconcurrency import Foundation

/// The program again, as a worker.
enum ThumbnailWorker {
    static func main() async throws {
        try await Worker.main { worker in
            worker.on(Thumbnails.render) { task, _ in
                let picture = try Picture(decoding: task.image.read())
                let thumbnail = picture.thumbnail(side: task.side)
                try task.thumbnail.write(thumbnail.encoded)
                return thumbnail.size
            }
        }
    }
}

extension OpenFile {
    fileprivate func read() throws -> [UInt8] {
        try withFileDescriptor { number in
            Array(try FileHandle(fileDescriptor: number, closeOnDealloc: false).readToEnd() ?? Data())
        } ?? []
    }

    fileprivate func write(_ bytes: [UInt8]) throws {
        try withFileDescriptor { number in
            try FileHandle(fileDescriptor: number, closeOnDealloc: false).write(contentsOf: bytes)
        }
    }
}
