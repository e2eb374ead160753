import Foundation

/// What one side of a line once wrote, and what the program on the other side got of it: a file of
/// `Tests/Compatibility`, whose README says how to read it.
struct RecordedLine {
    /// A frame, with the descriptors that ride on its first byte.
    struct Frame {
        var cargo: [RecordedCargo] = []
        var bytes: [UInt8] = []

        var text: String {
            let rows = stride(from: 0, to: bytes.count, by: 16).map { start in
                bytes[start..<min(start + 16, bytes.count)]
                    .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
            }
            return (cargo.map { "+ \($0)" } + rows).joined(separator: "\n")
        }
    }

    private(set) var frames: [Frame] = []
    /// What the program on the other side gets, a line for each event.
    private(set) var delivered: [String] = []
    /// What the holder of a transferred port writes on it: when it gets it, and then closes it.
    private(set) var answers: [String] = []

    /// - Throws: where there is no such file, or a line of it cannot be read.
    init(_ name: String) throws {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Compatibility/\(name).hex").standardizedFileURL
        var frame = Frame()
        for line in try String(contentsOf: url, encoding: .utf8).components(separatedBy: "\n") {
            let rest = String(line.dropFirst(2))
            switch line.first {
            case "#": break
            case "=": delivered.append(rest)
            case ">": answers.append(rest)
            case "+": frame.cargo.append(try RecordedCargo(rest))
            case nil:
                if !frame.bytes.isEmpty { frames.append(frame) }
                frame = Frame()
            default:
                frame.bytes += try line.split(separator: " ").map { word in
                    guard let byte = UInt8(word, radix: 16) else { throw Unreadable(line: line) }
                    return byte
                }
            }
        }
        if !frame.bytes.isEmpty { frames.append(frame) }
    }

    struct Unreadable: Error {
        let line: String
    }
}
