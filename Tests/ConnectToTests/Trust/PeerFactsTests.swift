import ConnectToDBus
import ConnectToLinux
import ConnectToTestSupport
import ConnectToTesting
import Glibc
import SystemPackage
import Testing

@testable import ConnectTo

/// The program that runs the tests.
enum LinuxExecutable {
    static var own: String { ConnectToLinux.executable(of: getpid()) ?? "" }
}

@Suite("The facts about a peer", .chosenExecutor, .timeLimit(.minutes(1)))
struct PeerFactsTests {
    @Test(
        "A peer's groups come from the bus, its executable from the kernel, its application from its context",
        .privateBus)
    func factsHaveTheirSources() async throws {
        let (here, there) = (try await Bus.onPrivateBus(), try await Bus.onPrivateBus())
        let context = try await there.register("x")
        var events = context.connectEvents.makeAsyncIterator()
        let first = here.connectTo("x")
        let stranger = try #require(try await events.next()).peer
        #expect(stranger.groups?.contains(getegid()) == true)
        #expect(stranger.executable == LinuxExecutable.own)
        #expect(stranger.hasExited == false)
        #expect(await stranger.application?.isVerified != true)
        let own = try await here.register("own", origin: "org.example.Caller")
        let second = here.connectTo("x")
        let caller = try #require(try await events.next()).peer
        #expect(await caller.application == Peer.Application(id: "org.example.Caller", source: .busName))
        for port in [first, second] { port.close() }
        withExtendedLifetime(own) {}
    }

    @Test("A process that has ended is known to have ended, and gives no facts any more", .privateBus)
    func endedProcessTellsNothing() async throws {
        let there = try await Bus.onPrivateBus()
        let context = try await there.register("x")
        try await withPeer("call", "x") { process in
            let event = try #require(await context.nextConnect())
            #expect(event.peer.pid == process.processID)
            #expect(event.peer.hasExited == false)
            #expect(event.peer.executable == testPeer)
            process.kill()
            #expect(try await event.source.waitUntilClosed().code == .peerExited)
            // The kernel closes what a process had open a moment before it has ended.
            while event.peer.hasExited != true, !Task.isCancelled { await Task.yield() }
            #expect(event.peer.executable == nil)
            #expect(await event.peer.application == nil)
        }
    }

    @Test("The descriptor of a peer's process lives as long as the facts about it", .privateBus)
    func processDescriptorLivesWithFacts() async throws {
        let there = try await Bus.onPrivateBus()
        let context = try await there.register("x")
        try await expectNoDescriptorLeak {
            let here = try await Bus.onPrivateBus()
            let asking = Identities(there.connection)
            let peer = try await asking.peer(here.connection.uniqueName)
            #expect(peer.hasExited == false)
            await here.close()
        }
        withExtendedLifetime(context) {}
    }

    @Test("A bus that gives the process's descriptor is believed, and one that does not leaves the process uncertain")
    func busWithoutProcessDescriptorIsUncertain() throws {
        let handle = try ProcessHandle(pid: getpid())
        func credentials(_ extra: [DBusValue.Pair]) -> DBusValue {
            .dictionary(
                key: "s", value: "v",
                [.init(.string("ProcessID"), .variant(.uint32(UInt32(getpid()))))] + extra)
        }
        let certain = Peer(
            busName: ":1.1",
            credentials: credentials([.init(.string("ProcessFD"), .variant(.unixFD(handle.descriptor)))]),
            numbers: .ours)
        #expect(!certain.isProcessUncertain)
        #expect(certain.process?.descriptor === handle.descriptor)
        let uncertain = Peer(busName: ":1.1", credentials: credentials([]), numbers: .ours)
        #expect(uncertain.isProcessUncertain)
        #expect(uncertain.hasExited == false)
    }

    @Test(
        "A process is known by its descriptor only where the kernel has the same number for it as the bus",
        arguments: [1, getpid() + 1])
    func descriptorMustHaveBusNumber(number: Int32) throws {
        let handle = try ProcessHandle(pid: getpid())
        let peer = Peer(
            busName: ":1.1",
            credentials: .dictionary(
                key: "s", value: "v",
                [
                    .init(.string("ProcessID"), .variant(.uint32(UInt32(number)))),
                    .init(.string("ProcessFD"), .variant(.unixFD(handle.descriptor))),
                ]), numbers: .ours)
        #expect(peer.pid == nil)
        #expect(peer.processName == nil)
        #expect(peer.executable == nil)
        #expect(peer.hasExited == nil)
    }

    @Test("A process number of one user is not counted for another's")
    func accountsAreSeparatedByUser() {
        func account(_ user: UInt32, _ number: UInt32, _ name: String = ":1.1") -> Peer.Account {
            Peer(
                busName: name,
                credentials: .dictionary(
                    key: "s", value: "v",
                    [
                        .init(.string("UnixUserID"), .variant(.uint32(user))),
                        .init(.string("ProcessID"), .variant(.uint32(number))),
                    ]), numbers: .foreign
            ).account
        }
        #expect(account(1, 7) == account(1, 7, ":1.2"))
        #expect(account(1, 7) != account(2, 7))
        #expect(account(1, 0) != account(1, 0, ":1.2"))
    }

    @Test("Credentials of other types leave their facts unknown, and a security label ends before its NUL")
    func credentialsOfOtherTypesAreUnknown() {
        let peer = Peer(
            busName: ":1.1",
            credentials: .dictionary(
                key: "s", value: "v",
                [
                    .init(.string("UnixUserID"), .variant(.string("0"))),
                    .init(.string("UnixGroupIDs"), .variant(.array(of: "u", [.uint32(4), .uint32(27)]))),
                    .init(.string("ProcessID"), .variant(.uint32(.max))),
                    .init(.string("LinuxSecurityLabel"), .variant(.bytes(Array("snap.x (enforce)\0".utf8)))),
                ]), numbers: .ours)
        #expect(peer.uid == nil)
        #expect(peer.groups == [4, 27])
        #expect(peer.pid == nil)
        #expect(peer.hasExited == nil)
        #expect(peer.securityLabel == "snap.x (enforce)")
        #expect(Peer(busName: ":1.1", credentials: nil, numbers: .ours).uid == nil)
    }

    @Test(
        "An application is known by its systemd unit, as desktops name units",
        arguments: [
            ("app-gnome-org.example.Editor-1234.scope", "org.example.Editor"),
            ("app-org.kde.konsole-99.scope", "org.kde.konsole"),
            ("app-flatpak-org.mozilla.firefox-4101.scope", "org.mozilla.firefox"),
            (#"app-gnome-my\x2dapp-1.scope"#, "my-app"),
            ("app-org.example.Editor@12ab.service", "org.example.Editor"),
            ("app-gnome-org.example.Editor@12ab.service", "org.example.Editor"),
            ("app-org.example.Editor.service", "org.example.Editor"),
            ("app-org.example.Editor-1.slice", nil), ("session-2.scope", nil), ("dbus.service", nil),
            ("app-.scope", nil), ("app--.scope", nil), ("app-x.scope", nil), (#"app-a\x2-1.scope"#, nil),
            (#"app-a\x00b-1.scope"#, nil), (#"app-a\xff-1.scope"#, nil), (#"app-a\-1.scope"#, nil),
        ] as [(String, String?)])
    func applicationByItsUnit(_ unit: String, _ id: String?) {
        #expect(ControlGroup.application(ofUnit: unit) == id)
    }

    @Test("A unit is read from systemd's hierarchy, also above control groups of its own")
    func unitIsReadFromSystemdsHierarchy() {
        let path = "/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.example.Editor-7.scope"
        #expect(ControlGroup.application(in: Array("0::\(path)\n".utf8)) == "org.example.Editor")
        #expect(ControlGroup.application(in: Array("0::\(path)/sub\n".utf8)) == "org.example.Editor")
        let old = "12:cpu:/app-no.no-1.scope\n1:name=systemd:\(path)\n"
        #expect(ControlGroup.application(in: Array(old.utf8)) == "org.example.Editor")
        #expect(ControlGroup.application(in: Array("0::/\n".utf8)) == nil)
        #expect(ControlGroup.application(in: [0xFF, 0x3A, 0x0A]) == nil)
    }

    @Test("A sandbox's file is believed in one form only")
    func sandboxFileHasOneForm() {
        func sandbox(_ text: String) -> Sandbox { Sandbox(.contents(Array(text.utf8))) }
        #expect(
            sandbox("[Application]\nname=org.example.Editor\nruntime=x\n")
                == .application("org.example.Editor"))
        #expect(
            sandbox("[Instance]\nname=org.evil.A\n[Application]\nname = org.b.C\n") == .application("org.b.C")
        )
        #expect(sandbox("[Runtime]\nname=org.evil.A\n") == .unknown)
        #expect(sandbox("[Application]\nname=not an id\n") == .unknown)
        #expect(sandbox("") == .unknown)
        #expect(Sandbox(.absent) == .none)
        #expect(Sandbox(.unreadable) == .unknown)
    }

    @Test("A file of a peer counts as unreadable at once where the system has no thread left to read it")
    func noThreadForReading() async {
        await #expect(processExitsWith: .success) {
            // Room for what the program allocates meanwhile, and not for the stack of a thread.
            let resource = __rlimit_resource_t(bitPattern: RLIMIT_AS.rawValue)
            var limit = rlimit()
            try systemCall("getrlimit") { getrlimit(resource, &limit) }
            let usual = limit.rlim_cur
            let pages = try #require(smallFile("/proc/self/statm", limit: 100))
            let size = try #require(rlim_t(String(decoding: pages.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)))
            limit.rlim_cur = size * rlim_t(sysconf(Int32(_SC_PAGESIZE))) + (4 << 20)
            try systemCall("setrlimit") { setrlimit(resource, &limit) }
            let answer = await ProcessReading.rootFile("none", of: getpid(), limit: 10)
            limit.rlim_cur = usual
            try systemCall("setrlimit") { setrlimit(resource, &limit) }
            #expect(answer == .unreadable)
            #expect(await ProcessReading.rootFile("none", of: getpid(), limit: 10) == .absent)
        }
    }

    @Test("A file in a process's root that is a link, large, or not a regular file is not read")
    func otherFilesOfRootAreNotRead() async throws {
        try await withTemporaryDirectory(prefix: "connectto-root") { directory in
            let own = String(directory.string.dropFirst())
            #expect(rootFile(own + "/none", of: getpid(), limit: 10) == .absent)
            #expect(rootFile(own, of: getpid(), limit: 10) == .unreadable)
            mkfifo(directory.string + "/fifo", 0o600)
            #expect(rootFile(own + "/fifo", of: getpid(), limit: 10) == .unreadable)
            let file = try #require(fopen(directory.string + "/file", "w"))
            fputs("0123456789", file)
            fclose(file)
            #expect(rootFile(own + "/file", of: getpid(), limit: 10) == .contents(Array("0123456789".utf8)))
            #expect(rootFile(own + "/file", of: getpid(), limit: 9) == .unreadable)
            symlink("file", directory.string + "/link")
            #expect(rootFile(own + "/link", of: getpid(), limit: 10) == .unreadable)
        }
    }
}
