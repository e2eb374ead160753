import Foundation
import Testing

@Suite("The tests that documents name")
struct NamedTestsTests {
    /// A document, and how many names it has at least: else a change of its form would let every name through.
    @Test(
        "are in the sources: each folder, suite and function",
        arguments: zip(
            [
                "Tests/CONFORMANCE.md", "SECURITY.md", "ARCHITECTURE.md", "dbus/PROTOCOL.md",
                "Sources/ConnectCLI/connect.1",
            ],
            [30, 20, 10, 0, 0]))
    func exist(document: String, atLeast count: Int) throws {
        let text = try String(contentsOf: Self.root.appending(path: document), encoding: .utf8)
        let names = Set(text.matches(of: /\b[A-Z][A-Za-z]*Tests(?:\/[A-Za-z]+)*\b/).map { String($0.output) })
        #expect(names.count >= count, "\(document)")
        let sources = try TestSources(in: Self.root.appending(path: "Tests"))
        let unknown = names.filter { !sources.has($0) }
        #expect(unknown.sorted() == [], "\(document) names tests that are not in Tests: renamed, or gone?")
    }

    @Test(
        "are told from those that are not there",
        arguments: [
            ("ConformanceTests", true), ("ConformanceTests/NamedTestsTests/exist", true),
            ("NamedTestsTests/exist", true),
            ("ConnectToPortsTests/Hostile", true), ("NamedTestsTests/gone", false), ("GoneTests", false),
            ("ConnectToPortsTests/NamedTestsTests", false), ("EndTests/exist", false),
        ])
    func areToldApart(name: String, isThere: Bool) throws {
        #expect(try TestSources(in: Self.root.appending(path: "Tests")).has(name) == isThere)
    }

    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
}

/// What the test files declare.
private struct TestSources {
    /// Folders as `Target/Folder`, suites as `Target/Suite`, functions as `Target/Suite/function`.
    private var names: Set<String> = []

    init(in folder: URL) throws {
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            let path = file.path.dropFirst(folder.path.count).split(separator: "/")
            guard let target = path.first, target.hasSuffix("Tests") else { continue }
            if file.pathExtension == "swift" {
                read(try String(contentsOf: file, encoding: .utf8), of: String(target))
            } else {
                names.insert(path.joined(separator: "/"))
            }
        }
    }

    private mutating func read(_ source: String, of target: String) {
        var suite = ""
        for line in source.split(separator: "\n") {
            if let type = line.firstMatch(of: /^(?:private |final )*(?:struct|class|enum|actor|extension) (\w+)/) {
                suite = "\(target)/\(type.output.1)"
                names.insert(suite)
            } else if let function = line.firstMatch(of: /^    func (\w+)/) {
                names.insert("\(suite)/\(function.output.1)")
            }
        }
    }

    /// With its target, or without.
    func has(_ name: String) -> Bool {
        names.contains(name) || names.contains { $0.hasSuffix("/" + name) }
    }
}
