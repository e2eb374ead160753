import ConnectToLinux
import SystemPackage

/// An open file, pipe, socket or device, on its way to or from another program.
///
/// A program that has the descriptor has the access that the file was opened for, whatever the file's permissions say.
/// The descriptor is closed when the last reference goes.
public final class OpenFile: Sendable {
    private let descriptor: Lock<Descriptor?>

    init(_ descriptor: Descriptor) {
        self.descriptor = Lock(descriptor)
    }

    /// Makes a second descriptor for an open file; the caller keeps the given one.
    ///
    /// - Throws: ``PortError`` with ``PortError/Code/notTransferable`` where the number is not an open descriptor, or
    ///   ``PortError/Code/outOfResources`` where the process has no descriptor left for a second one.
    public convenience init(duplicating number: Int32) throws(PortError) {
        do throws(SystemError) {
            self.init(try Descriptor.duplicate(of: number))
        } catch {
            if error.errno != .badFileDescriptor {
                throw .outOfResources("descriptor \(number) could not be duplicated", error)
            }
            throw PortError(
                .notTransferable, "descriptor \(number) is not open; give the number of an open file", cause: error)
        }
    }

    /// Takes over a descriptor: from here on the file closes it, and no other code may. In contrast to
    /// ``init(duplicating:)`` this takes no second descriptor.
    ///
    /// The number has to be an open descriptor. This is not checked: a wrong number shows when the file is used or
    /// posted.
    public convenience init(adopting number: Int32) {
        self.init(Descriptor(adopting: number, from: .peer))
    }

    /// Whether the file has been given away or closed.
    public var isDetached: Bool { descriptor.withLock { $0 == nil } }

    /// Lends the descriptor's number, which the closure must not close. Nil where the file has been given away
    /// or closed.
    public func withFileDescriptor<Result>(_ body: (Int32) throws -> Result) rethrows -> Result? {
        guard let descriptor = descriptor.withLock({ $0 }) else { return nil }
        defer { withExtendedLifetime(descriptor) {} }
        return try body(descriptor.rawValue)
    }

    /// Makes a second object for the same open file, to transfer it to one more receiver; this one stays as it is.
    ///
    /// ```swift
    /// for port in ports { try port.postMessage(.text("picture", transfer: [.file(file.duplicated())])) }
    /// ```
    ///
    /// All copies share one file position and one set of status flags, as after dup(2): a program that reads from its
    /// copy moves the position for all. Programs that read the file independently read at offsets (pread).
    ///
    /// - Throws: ``PortError`` with ``PortError/Code/detached``, or ``PortError/Code/outOfResources``.
    public func duplicated() throws(PortError) -> OpenFile {
        guard let descriptor = descriptor.withLock({ $0 }) else { throw .detached("the file") }
        defer { withExtendedLifetime(descriptor) {} }
        return try OpenFile(duplicating: descriptor.rawValue)
    }

    /// Makes a descriptor that the caller owns and has to close; this one stays open until it is released.
    ///
    /// - Throws: ``PortError`` with ``PortError/Code/detached``, or ``PortError/Code/outOfResources``.
    public func duplicate() throws(PortError) -> Int32 {
        guard let descriptor = descriptor.withLock({ $0 }) else { throw .detached("the file") }
        do throws(SystemError) {
            return try descriptor.duplicateNumber()
        } catch {
            throw .outOfResources("the file's descriptor could not be duplicated", error)
        }
    }

    /// Closes the file here, also where other code has a reference to it; it is detached then. Returns at once: closing
    /// can block, with some file systems for long, and so happens on a thread of the library's own, once a closure of
    /// ``withFileDescriptor(_:)`` that runs has returned. Does nothing where the file has been given away.
    public func close() {
        _ = detach()
    }

    func detach() -> Descriptor? {
        descriptor.withLock { descriptor in
            defer { descriptor = nil }
            return descriptor
        }
    }

    func putBack(_ detached: Descriptor) {
        descriptor.withLock { $0 = detached }
    }
}
