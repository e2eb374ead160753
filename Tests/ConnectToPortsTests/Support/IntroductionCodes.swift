import ConnectToPorts

/// Reasons that an introduction gives: their codes are declared in `ConnectTo`, and to ports they are like any other.
extension CloseReason.Code {
    static let refused = CloseReason.Code(rawValue: "refused")
    static let unavailable = CloseReason.Code(rawValue: "unavailable")
    static let busLost = CloseReason.Code(rawValue: "bus-lost")
}
