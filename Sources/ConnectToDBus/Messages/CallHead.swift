import CConnectToDBus
import Glibc

/// A received method call that still lies in libdbus's memory. Properties copy what is asked for. Borrowed: it cannot
/// outlive the closure that it is passed to.
package struct CallHead: ~Copyable {
    private let message: OpaquePointer
    private let link: UInt64

    init(_ message: OpaquePointer, link: UInt64) {
        self.message = message
        self.link = link
    }

    /// The unique name of the caller, vouched for by the bus. Usually short enough for a string without allocation.
    package var sender: String { MessageReader.text(dbus_message_get_sender(message)) ?? "" }

    package var expectsReply: Bool { dbus_message_get_no_reply(message) == 0 }

    package func isCall(of member: StaticString, at path: String) -> Bool {
        member.withUTF8Buffer { Self.isEqual(dbus_message_get_member(message), $0) }
            && path.utf8.withContiguousStorageIfAvailable { Self.isEqual(dbus_message_get_path(message), $0) }
                == true
    }

    private static func isEqual(_ text: UnsafePointer<CChar>?, _ other: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let text, let start = other.baseAddress else { return false }
        return strncmp(text, start, other.count) == 0 && text[other.count] == 0
    }

    /// The call as a value, without its body.
    package var call: MethodCall { call(with: []) }

    func call(with body: [DBusValue]) -> MethodCall {
        MethodCall(
            sender: sender,
            path: MessageReader.text(dbus_message_get_path(message)) ?? "",
            interface: MessageReader.text(dbus_message_get_interface(message)),
            member: MessageReader.text(dbus_message_get_member(message)) ?? "",
            body: body, expectsReply: expectsReply, serial: dbus_message_get_serial(message), link: link)
    }
}
