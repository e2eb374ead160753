import Testing

@testable import ConnectToLinux

@Suite("A user namespace")
struct UserNamespaceTests {
    private func outside(_ user: UInt32, _ map: String) -> UInt32?? {
        UserNamespace(of: user, map: Array(map.utf8)).map(\.outside)
    }

    @Test("A uid map that gives the user the same uid outside yields no user namespace")
    func sameUserOutside() {
        #expect(outside(1_000, "         0          0 4294967295\n") == .none)
        #expect(outside(1_000, "1000 1000 1\n") == .none)
    }

    @Test("A uid map gives each user its uid outside, by ranges, or none")
    func mappedUsers() {
        let map = "         0       1000          1\n         1     100000      65536\n"
        #expect(outside(0, map) == 1_000)
        #expect(outside(1, map) == 100_000)
        #expect(outside(65_536, map) == 165_535)
        #expect(outside(65_537, map) == .some(nil))
        #expect(outside(65_534, "") == .some(nil))
    }

    @Test("An unreadable uid map gives the user no uid outside")
    func unreadableMap() {
        for map in ["0 1", "a b c", "0 4294967295 99999999999999999999", "-1 -1 -1"] {
            #expect(outside(7, map) == .some(nil), "\(map)")
        }
        #expect(outside(.max, "0 4294967295 18446744073709551615") == .some(nil))
    }
}
