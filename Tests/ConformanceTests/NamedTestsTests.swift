import Foundation
import Testing

@Suite("The tests that the documents name")
struct NamedTestsTests {
    /// A document, and how many names it has at least: else a change of its form would let every name through.
    @Test(
        "Each folder, suite and function of tests that a document names is in the sources",
        arguments: zip(
            [
                "Tests/CONFORMANCE.md", "Tests/SEEDS.md", "SECURITY.md", "ARCHITECTURE.md", "dbus/PROTOCOL.md",
                "dbus/CALLS.md", "Sources/ConnectCLI/connect.1",
            ],
            [30, 35, 20, 10, 0, 0, 0]))
    func namedTestsExist(document: String, atLeast count: Int) throws {
        let text = try String(contentsOf: Self.root.appending(path: document), encoding: .utf8)
        let names = Set(text.matches(of: /\b[A-Z][A-Za-z]*Tests(?:\/[A-Za-z]+)*\b/).map { String($0.output) })
        #expect(names.count >= count, "\(document)")
        let sources = try Self.sources.get()
        let unknown = names.filter { !sources.has($0) }
        #expect(unknown.sorted() == [], "\(document) names tests that are not in Tests: renamed, or gone?")
    }

    @Test(
        "A name of a test that is not in the sources is found",
        arguments: [
            ("ConformanceTests", true), ("ConformanceTests/NamedTestsTests/namedTestsExist", true),
            ("NamedTestsTests/namedTestsExist", true),
            ("ConnectToPortsTests/Hostile", true), ("TroubledFileTests", true), ("NamedTestsTests/gone", false),
            ("GoneTests", false),
            ("ConnectToPortsTests/NamedTestsTests", false), ("EndTests/namedTestsExist", false),
        ])
    func missingTestsAreFound(name: String, isThere: Bool) throws {
        #expect(try Self.sources.get().has(name) == isThere)
    }

    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    private static let sources = Result { try TestSources(in: root) }
}

/// What the test files declare.
private struct TestSources: Sendable {
    /// Folders as `Target/Folder`, suites as `Target/Suite`, functions as `Target/Suite/function`.
    private var names: Set<String> = []

    init(in root: URL) throws {
        try read(root.appending(path: "Tests"), of: nil)
        try read(root.appending(path: "examples/Tests"), of: "ExamplesTests")
    }

    /// Reads a folder of tests: of one target or, where nil is given, of a target in each of its folders.
    private mutating func read(_ folder: URL, of onlyTarget: String?) throws {
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            let path = file.path.dropFirst(folder.path.count).split(separator: "/").map(String.init)
            guard let target = onlyTarget ?? path.first, target.hasSuffix("Tests") else { continue }
            names.insert(target)
            if file.pathExtension == "swift" {
                read(try String(contentsOf: file, encoding: .utf8), of: target)
            } else {
                names.insert(path.joined(separator: "/"))
            }
        }
    }

    /// By their places in formatted source, and without regular expressions: they take a minute where nothing is
    /// optimised.
    private mutating func read(_ source: String, of target: String) {
        var suite = ""
        for line in source.utf8.split(separator: UInt8(ascii: "\n")) {
            if let function = line.name(after: "    func ") {
                names.insert("\(suite)/\(function)")
            } else if line.first != UInt8(ascii: "/") {
                let words = line.split(separator: UInt8(ascii: " "))
                guard let keyword = words.lastIndex(where: { Self.types.contains(String(Substring($0))) }),
                    keyword + 1 < words.count, let type = words[keyword + 1].name(after: "")
                else { continue }
                // Not one inside of another; but the last line of a long `@Suite(…)` is indented too.
                if line.first == UInt8(ascii: " "), keyword == 0 || words[keyword - 1].last != UInt8(ascii: ")") {
                    continue
                }
                suite = "\(target)/\(type)"
                names.insert(suite)
            }
        }
    }

    private static let types: Set = ["struct", "class", "enum", "actor", "extension"]

    /// With its target, or without.
    func has(_ name: String) -> Bool {
        names.contains(name) || names.contains { $0.hasSuffix("/" + name) }
    }
}

extension Substring.UTF8View {
    /// The name behind a prefix, if it begins with that.
    fileprivate func name(after prefix: String) -> Substring? {
        guard starts(with: prefix.utf8) else { return nil }
        let name = Substring(self).dropFirst(prefix.count).prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        return name.isEmpty ? nil : name
    }
}
