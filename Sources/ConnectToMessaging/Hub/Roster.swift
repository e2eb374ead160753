import ConnectTo

/// The peers of a hub by id, in the order in which they have come.
struct Roster<Line: Sendable>: Sendable {
    /// One line of the hub.
    final class Spoke: Sendable {
        let peer: HubPeer
        let line: Line

        init(peer: HubPeer, line: Line) {
            self.peer = peer
            self.line = line
        }
    }

    static var longestID: Int { 100 }

    private(set) var spokes: [Spoke] = []
    private var byID: [String: Spoke] = [:]
    private var lastSerial: UInt64 = 0
    private var lastCounted = 0

    subscript(id: String) -> Spoke? { byID[id] }

    /// Adds a peer.
    ///
    /// - Parameter id: nil: the next number that no peer has.
    mutating func add(
        _ id: String?, identity: Peer?, _ makeLine: (HubPeer) -> Line
    ) throws(HubError) -> Spoke {
        let id = try id.map(check) ?? nextNumber()
        lastSerial += 1
        let peer = HubPeer(id: id, identity: identity, since: .now, serial: lastSerial)
        let spoke = Spoke(peer: peer, line: makeLine(peer))
        spokes.append(spoke)
        byID[id] = spoke
        return spoke
    }

    /// Removes a peer.
    ///
    /// - Returns: nil where it has been removed before.
    mutating func remove(_ serial: UInt64) -> Spoke? {
        let index = index(of: serial)
        guard index < spokes.count, spokes[index].peer.serial == serial else { return nil }
        let spoke = spokes.remove(at: index)
        byID[spoke.peer.id] = nil
        return spoke
    }

    private func check(_ id: String) throws(HubError) -> String {
        guard (1...Self.longestID).contains(id.utf8.count), !id.utf8.contains(UInt8(ascii: "/")) else {
            throw HubError(
                .invalidID,
                "the id \"\(id.prefix(40))\" is not 1 to \(Self.longestID) bytes without \"/\"; choose another")
        }
        guard byID[id] == nil else {
            throw HubError(.idTaken, "another peer of the hub has the id \"\(id)\"; choose another")
        }
        return id
    }

    private mutating func nextNumber() -> String {
        repeat { lastCounted += 1 } while byID["\(lastCounted)"] != nil
        return "\(lastCounted)"
    }

    /// Where a serial stands, or would stand: they stand in their order.
    private func index(of serial: UInt64) -> Int {
        var (low, high) = (0, spokes.count)
        while low < high {
            let middle = (low + high) / 2
            if spokes[middle].peer.serial < serial { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
