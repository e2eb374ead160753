import ConnectTo
import ConnectToLinux
import ConnectToMessaging

extension StateCore {
    /// This replica says something of itself.
    mutating func setPresence(_ key: String, to value: StateValue?) -> Wakeups {
        spread(presence.set(key, to: value, of: document.replica), except: nil)
        return Wakeups()
    }

    mutating func receivePresence(_ payload: Payload, on id: Int) -> Wakeups {
        var wakeups = open(id)
        guard lines[id] != nil else { return wakeups }
        do throws(StateViolation) {
            guard let message: PresenceMessage = try? payload.decode() else {
                throw StateViolation("presence is not as STATE.md says")
            }
            if message.present.count == 1, payload.count > PresenceTable.bytes {
                throw StateViolation("a replica says more than \(PresenceTable.bytes) bytes of itself")
            }
            let outcome = try presence.receive(message, from: id, own: document.replica)
            if !outcome.answer.isEmpty { sendPresence(outcome.answer, on: id) }
            wakeups.add(share(outcome, except: id))
        } catch {
            wakeups.add(refuse(id, because: error.message))
        }
        return wakeups
    }

    /// Tells the other lines and the loops what is new.
    mutating func share(_ outcome: PresenceTable.Outcome, except line: Int? = nil) -> Wakeups {
        spread(outcome.news, except: line)
        var wakeups = Wakeups()
        if outcome.changed.isEmpty { return wakeups }
        let changes = outcome.changed.map { PresenceChange(replica: $0, values: presence.values(of: $0)) }
        for loop in presenceLoops.values {
            for change in changes { loop.add(change) }
            wakeups.presence.append(loop)
        }
        return wakeups
    }

    private mutating func spread(_ message: PresenceMessage, except line: Int?) {
        if message.isEmpty { return }
        for id in lines.keys where id != line { sendPresence(message, on: id) }
    }

    /// On a line that waits nothing is sent: it gets everything when it goes on.
    mutating func sendPresence(_ message: PresenceMessage, on id: Int) {
        guard let line = lines[id], line.isOpen, !line.isPaused else { return }
        guard let outgoing = try? OutgoingMessage.payload(message) else { return }
        lines[id]?.send(outgoing, as: StateProtocol.presence)
    }
}
