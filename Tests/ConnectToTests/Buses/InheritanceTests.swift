import ConnectToTestSupport
import ConnectToTesting
import Glibc
import Testing

@testable import ConnectTo

@Suite("The descriptors that a child process inherits", .privateBus, .chosenExecutor, .timeLimit(.minutes(1)))
struct InheritanceTests {
    @Test("No descriptor of a bus, a loop, a line or a transferred object goes through exec")
    func noDescriptorSurvivesExec() async throws {
        let before = try OpenDescriptor.all()
        let loop = try EventLoop.makeDrivenByForeignLoop()
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        let port = here.connectTo("x")
        let event = try #require(await context.nextConnect())
        try await port.waitUntilOpen()
        let channel = try MessageChannel()
        let file = try OpenFile(duplicating: 0)
        let moving = try SharedBuffer(count: 4096)
        let shared = try SharedBuffer(count: 4096, mode: .shared)
        try port.postMessage(
            .text("all of it", transfer: [.port(channel.port2), .file(file), .buffer(moving), .buffer(shared)]))
        var messages = event.source.messages.makeAsyncIterator()
        let message = try #require(try await messages.next())
        #expect(message.transferred.count == 4)

        let fresh = try OpenDescriptor.all().subtracting(before)
        #expect(fresh.count >= 10)
        for descriptor in fresh {
            #expect(fcntl(descriptor.number, F_GETFD) & FD_CLOEXEC != 0, "\(descriptor)")
        }
        // And a child sees none of them.
        let child = try #require(popen("ls -l /proc/self/fd", "r"))
        var listing = ""
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, Int32(line.count), child) != nil {
            listing += String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        pclose(child)
        #expect(listing.contains("->"))
        for target in ["socket:", "memfd:", "anon_inode:"] {
            for descriptor in fresh where descriptor.target.contains(target) {
                #expect(!listing.contains(descriptor.target) || target == "anon_inode:", "\(descriptor)")
            }
        }
        #expect(!listing.contains("anon_inode:"))
        withExtendedLifetime((loop, message, channel, shared, context)) {}
    }
}
