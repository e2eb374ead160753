import Foundation
import Glibc
import Subprocess
import Synchronization
import SystemPackage

/// A terminal without a window: what a program draws on it is looked at, and keys are typed.
final class PseudoTerminal: Sendable {
    let rows = 12
    let columns = 60
    private let controller: Int32
    private let terminal: Int32
    private let screen: Mutex<Screen>
    private let changes: AsyncStream<Void>

    /// TIOCGPTN and TIOCSPTLCK, macros that Swift does not see (ioctl_tty(2)).
    private static let getNumber: UInt = 0x8004_5430
    private static let setLock: UInt = 0x4004_5431

    init() throws {
        controller = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var number: Int32 = 0
        var lock: Int32 = 0
        guard controller >= 0, ioctl(controller, Self.getNumber, &number) == 0,
            ioctl(controller, Self.setLock, &lock) == 0
        else { throw Errno(rawValue: errno) }
        terminal = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard terminal >= 0 else { throw Errno(rawValue: errno) }
        var size = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        guard ioctl(terminal, UInt(TIOCSWINSZ), &size) == 0 else { throw Errno(rawValue: errno) }
        screen = Mutex(Screen(rows: rows))
        let (changes, change) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.changes = changes
        Thread.detachNewThread { [controller, self] in
            var bytes = [UInt8](repeating: 0, count: 65_536)
            while case let count = read(controller, &bytes, bytes.count), count > 0 {
                screen.withLock { $0.draw(bytes[..<count]) }
                change.yield()
            }
            change.finish()
        }
    }

    /// The lines of the screen, without spaces at their ends.
    var lines: [String] { screen.withLock { $0.text } }

    /// Waits until the screen is as it should be; false where the program has ended before.
    func shows(_ isRight: ([String]) -> Bool) async -> Bool {
        if isRight(lines) { return true }
        for await _ in changes where isRight(lines) { return true }
        return isRight(lines)
    }

    /// Waits until what is in reverse video, but for the last line, is what it should be.
    func marks(_ isRight: ([Character]) -> Bool) async -> Bool {
        await shows { _ in isRight(screen.withLock { $0.marks }) }
    }

    func type(_ keys: String) {
        let bytes = Array(keys.utf8)
        _ = write(controller, bytes, bytes.count)
    }

    /// Runs a program on the terminal while a closure runs, which it does not outlive.
    ///
    /// - Parameter body: gets a closure that kills the program.
    func run<Result: Sendable>(
        _ example: Example, _ arguments: String...,
        body: @escaping @Sendable (_ kill: @escaping @Sendable () -> Void) async throws -> Result
    ) async throws -> Result {
        let descriptor = FileDescriptor(rawValue: terminal)
        return try await Subprocess.run(
            .path(FilePath(example.executable)), arguments: Arguments(example.arguments + arguments),
            environment: try example.environment,
            input: .fileDescriptor(descriptor, closeAfterSpawningProcess: false),
            output: .fileDescriptor(descriptor, closeAfterSpawningProcess: false),
            error: .fileDescriptor(descriptor, closeAfterSpawningProcess: false)
        ) { execution in
            let process = execution.processIdentifier.value
            defer { Glibc.kill(process, SIGKILL) }
            return try await body { Glibc.kill(process, SIGKILL) }
        }.closureResult
    }

    deinit {
        close(terminal)
        close(controller)
    }
}

/// What a program has drawn, as far as the examples go: text, going to a place, and erasing.
private struct Screen {
    private var lines: [[Character]]
    private var row = 0
    private var column = 0
    private var isReverse = false
    private var reversed: [Int: [Int: Character]] = [:]
    private var rest: [UInt8] = []

    init(rows: Int) { lines = Array(repeating: [], count: rows) }

    var marks: [Character] {
        reversed.sorted { $0.key < $1.key }.filter { $0.key < lines.count - 1 }.flatMap { row in
            row.value.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    var text: [String] {
        lines.map { line in
            String(line.reversed().drop { $0 == " " }.reversed())
        }
    }

    mutating func draw(_ bytes: ArraySlice<UInt8>) {
        rest += bytes
        while let first = rest.first {
            if first == 0x1b {
                guard let end = rest.dropFirst(2).firstIndex(where: { 0x40...0x7e ~= $0 }) else { return }
                control(String(decoding: rest[2..<end], as: UTF8.self), rest[end])
                rest.removeFirst(end + 1)
            } else if first == 0x0d {
                column = 0
                rest.removeFirst()
            } else if first == 0x0a {
                row = min(row + 1, lines.count - 1)
                rest.removeFirst()
            } else {
                let plain = rest.prefix { $0 >= 0x20 && $0 != 0x1b }
                // A character may have come in part.
                guard rest.count > plain.count || String(validating: plain, as: UTF8.self) != nil else { return }
                for character in String(decoding: plain, as: UTF8.self) { put(character) }
                rest.removeFirst(max(plain.count, 1))
            }
        }
    }

    private mutating func put(_ character: Character) {
        while lines[row].count <= column { lines[row].append(" ") }
        lines[row][column] = character
        reversed[row, default: [:]][column] = isReverse ? character : nil
        column += 1
    }

    private mutating func control(_ arguments: String, _ command: UInt8) {
        let numbers = arguments.split(separator: ";").map { Int($0) ?? 1 }
        switch command {
        case UInt8(ascii: "H"):
            row = min((numbers.first ?? 1) - 1, lines.count - 1)
            column = (numbers.count > 1 ? numbers[1] : 1) - 1
        case UInt8(ascii: "K"):
            lines[row] = Array(lines[row].prefix(column))
            reversed[row] = reversed[row]?.filter { $0.key < column }
        case UInt8(ascii: "m"): isReverse = numbers == [7]
        default: break
        }
    }
}
