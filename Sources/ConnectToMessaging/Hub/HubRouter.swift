import ConnectTo
import ConnectToLinux

/// What a hub's program lets its peers do with each other; nothing unless it says so.
struct HubPolicies: Sendable {
    var relaying: (@Sendable (_ from: HubPeer, _ to: HubPeer, _ type: String) -> Bool)?
    var introductions: (@Sendable (_ from: HubPeer, _ to: HubPeer) async -> Bool)?
    var onUndelivered: (@Sendable (Hub.Undelivered) -> Void)?
}

/// Passes on what one peer of a hub sends to another, and introduces them to each other (`dbus/CALLS.md`, section 10).
///
/// The handlers own it, and it the table. The hub ends that circle when it closes, which empties the table.
final class HubRouter: CallRouter {
    static let introduce = "@introduce"
    static let introduced = "@introduced"

    private let table: HubTable
    let policies = Lock(HubPolicies())

    init(table: HubTable) {
        self.table = table
    }

    // MARK: Relaying

    func route(_ payload: Payload, ofEvent type: String, to address: String, _ context: CallContext) {
        guard let from = sender(context) else { return }
        do throws(CallError) {
            let (name, to) = try way(from: from, to: address, type)
            if try !to.line.line.post(Head(.event, name: name), .forwarding(payload)) {
                throw .unknownPeer(address)
            }
        } catch {
            policies.withLock(\.onUndelivered)?(
                Hub.Undelivered(sender: from, receiver: address, type: type, error: error))
        }
    }

    func route(_ payload: Payload, of call: ServedCall, to address: String, _ context: CallContext) async {
        guard let from = sender(context) else { return call.fail(CancellationError()) }
        do throws(CallError) {
            let (name, to) = try way(from: from, to: address, call.type)
            let request = PendingCall(
                type: name, payload: .forwarding(payload), wantsMany: call.wantsMany, deadline: call.deadline)
            // The hub only waits here: another request may take the place.
            call.givePlaceBack()
            try await to.line.line.relay(request, for: call)
        } catch {
            call.fail(CallFailure(relaying: error))
        }
    }

    /// The peer whose line it is; nil where the line has ended meanwhile, and perhaps another peer has its id.
    private func sender(_ context: CallContext) -> HubPeer? {
        guard let spoke = context.peerID.flatMap({ table[$0] }), spoke.line.line === context.line else { return nil }
        return spoke.peer
    }

    /// Where something goes that a peer has addressed to another, and what its type is called there.
    private func way(
        from: HubPeer, to address: String, _ type: String
    ) throws(CallError) -> (name: String, HubTable.Spoke) {
        guard let policy = policies.withLock(\.relaying) else {
            throw CallError(.refused, "the hub passes nothing on from one peer to another")
        }
        guard let to = table[address] else { throw .unknownPeer(address) }
        let name = try name(of: type, from: from.id)
        guard policy(from, to.peer, type) else {
            throw CallError(.refused, "the hub does not pass \(type) on to the peer \"\(address)\"")
        }
        return (name, to)
    }

    /// Checks the name: a peer must not say through the hub what only the hub itself says.
    private func name(of type: String, from sender: String) throws(CallError) -> String {
        do throws(CallError) {
            return try Messenger.name(type, to: sender)
        } catch {
            throw CallError(.refused, "the hub does not pass this on: \(error.message)")
        }
    }

    // MARK: Introducing

    func introduce(_ payload: Payload, _ call: ServedCall, _ context: CallContext) async {
        guard let from = sender(context) else { return call.fail(CancellationError()) }
        do {
            let to = try await partner(of: from, payload)
            call.givePlaceBack()
            let (own, other) = try MessageChannel.makePair()
            let request = PendingCall(
                type: Self.introduced, payload: .text(from.id, transfer: [.port(other)]), wantsMany: false,
                deadline: call.deadline)
            switch await to.line.line.next(of: request, isFirst: true) {
            case .result, .element:
                call.answer(.text(to.peer.id, transfer: [.port(own)]))
            case .failed(let error) where error.code == .unknownType:
                throw CallError(.refused, "the peer \"\(to.peer.id)\" takes no introductions")
            case .failed(let error):
                throw error
            }
        } catch let error as CallError {
            call.fail(CallFailure(relaying: error))
        } catch {
            call.fail(error)
        }
    }

    private func partner(of from: HubPeer, _ payload: Payload) async throws(CallError) -> HubTable.Spoke {
        let id: String = try payload.decode()
        guard let policy = policies.withLock(\.introductions) else {
            throw CallError(.refused, "the hub introduces no peer to another")
        }
        guard let to = table[id] else { throw .unknownPeer(id) }
        guard await policy(from, to.peer) else {
            throw CallError(.refused, "the hub does not introduce this program to the peer \"\(id)\"")
        }
        return to
    }
}

extension CallLine {
    /// Sends a request of another line on, and its answers back: elements one by one, under the windows of both lines.
    fileprivate func relay(_ request: PendingCall, for call: ServedCall) async throws(CallError) {
        var isFirst = true
        var taken: UInt32 = 0
        while true {
            defer { isFirst = false }
            switch await next(of: request, isFirst: isFirst) {
            case .element(let element):
                do throws(CallError) {
                    guard try await call.send(.forwarding(element)) else {
                        giveUp(request, .cancelled, "the peer that asked for \(call.type) has given up")
                        continue
                    }
                } catch {
                    giveUp(request, .cancelled, "an answer to \(call.type) cannot be sent on")
                    throw error
                }
                taken += 1
                if taken == CallsMade<Void>.firstElements / 2 {
                    grantElements(taken, to: request)
                    taken = 0
                }
            case .result(let answer):
                call.answer(.forwarding(answer))
                return
            case .failed(let error):
                throw error
            }
        }
    }
}

extension CallError {
    fileprivate static func unknownPeer(_ id: String) -> CallError {
        CallError(.unknownPeer, "the hub has no peer with the id \"\(id)\"")
    }
}

extension CallFailure {
    /// The failure of a request, whole, for the peer that has asked.
    fileprivate init(relaying error: CallError) {
        self.init(error.code, error.message, details: error.details.flatMap(OutgoingMessage.forwarding))
    }
}
