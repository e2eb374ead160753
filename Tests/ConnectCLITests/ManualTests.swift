import ArgumentParser
import Foundation
import Testing

@testable import ConnectCLI

/// The manual page is written by hand; this keeps it from telling of another program.
@Suite("The manual page connect.1")
struct ManualTests {
    /// What the parser tells of the program when asked by a tool.
    private struct Help: Decodable {
        struct Command: Decodable {
            struct Argument: Decodable {
                struct Name: Decodable {
                    let kind, name: String
                }
                let names: [Name]?
            }
            let commandName: String
            let shouldDisplay: Bool?
            let arguments: [Argument]?
            let subcommands: [Command]?

            var options: Set<String> {
                Set((arguments ?? []).flatMap { $0.names ?? [] }.filter { $0.kind == "long" }.map(\.name))
            }
        }
        let command: Command
    }

    private let commands: [Help.Command]
    /// By the headings of its sections.
    private let page: [String: Set<String>]

    init() throws {
        let help = try JSONDecoder().decode(Help.self, from: Data(Connect._dumpHelp().utf8))
        commands = (help.command.subcommands ?? []).filter { $0.shouldDisplay != false && $0.commandName != "help" }
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/ConnectCLI/connect.1")
        var page: [String: Set<String>] = [:]
        var section = ""
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            if line.hasPrefix(".Sh ") || line.hasPrefix(".Ss ") {
                section = String(line.dropFirst(4))
                page[section] = []
            } else if let option = line.firstMatch(of: /^\.It Fl (?:. , )?-([a-z-]+)/) {
                page[section, default: []].insert(String(option.1))
            }
        }
        self.page = page
    }

    @Test("The manual page has all options of all subcommands in their sections, and no others")
    func manualHasEveryOptionOfEveryCommand() throws {
        let all = try #require(page["OPTIONS OF ALL COMMANDS"])
        let bus = try #require(page["OPTIONS OF ALL COMMANDS BUT POOL"])
        #expect(commands.count > 5)
        for command in commands {
            let common = command.commandName == "pool" ? all : all.union(bus)
            #expect(command.options.isSuperset(of: common.subtracting(["help", "version"])))
            let own = try #require(page["connect \(command.commandName)"], "\(command.commandName)")
            #expect(own == command.options.subtracting(common), "\(command.commandName)")
        }
        #expect(Set(page.keys.filter { $0.hasPrefix("connect ") }) == Set(commands.map { "connect \($0.commandName)" }))
    }

    @Test("The manual page and CHANGELOG.md have the version that the command has")
    func versionIsTheSameEverywhere() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        func lines(_ path: String) throws -> [Substring] {
            try String(contentsOf: root.appending(path: path), encoding: .utf8).split(separator: "\n")
        }
        let version = Connect.configuration.version
        #expect(version.contains(/^[0-9]+\.[0-9]+\.[0-9]+$/))
        #expect(try lines("Sources/ConnectCLI/connect.1").contains(".Os ConnectTo \(version)"))
        let newest = try #require(try lines("CHANGELOG.md").first { $0.hasPrefix("## ") })
        #expect(newest.dropFirst(3).prefix { $0 != "," } == version)
    }
}
