import ConnectToDBus
import ConnectToLinux

extension Peer {
    /// Reads the bus's answer to GetConnectionCredentials. Where a key is absent, or its value has another type than
    /// the specification says, that fact stays unknown.
    ///
    /// - Parameter numbers: what the bus's process numbers mean here. Where they are foreign, nothing is known of the
    ///   process.
    init(busName: String, credentials: DBusValue?, numbers: ProcessNumbers) {
        var known: [String: DBusValue] = [:]
        if case .dictionary("s", "v", let pairs)? = credentials {
            for pair in pairs {
                if case .string(let key) = pair.key, case .variant(let value) = pair.value {
                    known[key] = value
                }
            }
        }
        let uid = known["UnixUserID"].flatMap(\.number)
        // The kernel reports 0 for a process that the bus itself cannot see.
        let number = known["ProcessID"].flatMap(\.number).flatMap(Int32.init(exactly:)).flatMap { $0 > 0 ? $0 : nil }
        let descriptor = known["ProcessFD"].flatMap(\.descriptor)
        let given = number.flatMap { number in
            descriptor.flatMap { ProcessHandle(pid: number, adopting: $0) }
        }
        let isForeign = numbers == .foreign || (descriptor != nil && given == nil)
        let pid = isForeign ? nil : number
        let process = pid.flatMap { given ?? (try? ProcessHandle(pid: $0)) }
        self.init(
            busName: busName,
            uid: uid,
            groups: known["UnixGroupIDs"].flatMap(\.numbers),
            pid: pid,
            processName: process?.whileRunning { ConnectToLinux.processName(of: process?.pid ?? 0) },
            securityLabel: known["LinuxSecurityLabel"].flatMap(\.label),
            process: process.flatMap { DescriptorReserve.contains($0.descriptor.rawValue) ? nil : $0 },
            isProcessFromBus: given != nil,
            account: number.map { .process($0, of: uid) })
    }
}

extension DBusValue {
    fileprivate var number: UInt32? {
        if case .uint32(let value) = self { value } else { nil }
    }

    /// All of the ids or none: a part of a user's groups would be another identity.
    fileprivate var numbers: [UInt32]? {
        guard case .array("u", let items) = self else { return nil }
        let numbers = items.compactMap(\.number)
        return numbers.count == items.count ? numbers : nil
    }

    fileprivate var descriptor: Descriptor? {
        if case .unixFD(let descriptor) = self { descriptor } else { nil }
    }

    /// The bytes before the NUL with which the bus ends a label.
    fileprivate var label: String? {
        guard case .bytes(let bytes) = self else { return nil }
        let label = String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
        return label?.isEmpty == true ? nil : label
    }
}
