import ConnectTo
import ConnectToTesting
import Foundation

/// Makes a file in the test's own directory.
func file(_ contents: String) throws -> URL {
    let url = URL(fileURLWithPath: try PrivateBus.current.directory).appending(path: UUID().uuidString)
    try contents.write(to: url, atomically: true, encoding: .utf8)
    return url
}

/// Opens a file, to transfer it.
func openFile(_ url: URL) throws -> OpenFile {
    let handle = try FileHandle(forReadingFrom: url)
    defer { try? handle.close() }
    return try OpenFile(duplicating: handle.fileDescriptor)
}

/// What stands in a file that was transferred; nil where it is not UTF-8, or cannot be read.
func contents(_ file: OpenFile) -> String? {
    file.withFileDescriptor { number in
        let data = try? FileHandle(fileDescriptor: number, closeOnDealloc: false).readToEnd()
        return data.map { String(decoding: $0, as: UTF8.self) }
    } ?? nil
}
