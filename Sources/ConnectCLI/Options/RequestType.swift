import ConnectToMessaging

/// The type of a request or event on the command line.
enum RequestType {
    /// - Throws: ``Failure`` 64 if the argument cannot be a type.
    static func checked(_ argument: String) throws(Failure) -> String {
        guard let type = ArgumentBytes.text(of: argument) else {
            throw Failure(.usage, "TYPE is not UTF-8; give a type in UTF-8")
        }
        if type.isEmpty { throw Failure(.usage, "TYPE must not be empty") }
        if type.hasPrefix("@") {
            throw Failure(.usage, "TYPE must not begin with @: such types belong to the protocol")
        }
        if type.utf8.count > 255 {
            throw Failure(.usage, "TYPE has \(type.utf8.count) bytes; a type has 255 at most")
        }
        return type
    }
}
