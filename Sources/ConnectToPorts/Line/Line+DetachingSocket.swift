import ConnectToLinux

extension Line {
    /// Gives a duplicate of the socket's descriptor to the caller, who closes it, and ends the line here.
    func detachSocket() throws(PortError) -> Int32 {
        let result: Result<Int32, PortError> = change { state, wakeups in
            do throws(PortError) {
                return .success(try state.detachSocket(for: self, &wakeups))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

extension LineState {
    mutating func detachSocket(for line: Line, _ wakeups: inout Wakeups) throws(PortError) -> Int32 {
        if let refusal = life.detachingRefusal { throw refusal }
        guard let socket, !isInTransit else { throw .detached("the port") }
        if !output.isEmpty { throw .stillBuffered("\(output.count) bytes wait to be written; await flush first") }
        countClaims()
        if !input.isEmpty {
            throw .stillBuffered("\(input.count) messages wait to be taken; take them first")
        }
        if !reader.isAtRest {
            throw .stillBuffered("a part of a message has arrived; wait for the rest, and take the message first")
        }
        let number: Int32
        do throws(SystemError) {
            number = try socket.descriptor.duplicateNumber()
        } catch {
            throw .outOfResources("the socket of the port could not be detached", error)
        }
        let source = source
        self.socket = nil
        self.source = nil
        // epoll removes only descriptors that are open, so the source is cancelled before the socket closes. Both
        // happen outside of the lock.
        wakeups.add {
            source?.cancel()
            withExtendedLifetime(socket) {}
        }
        apply(life.didDetachSocket(), to: line, &wakeups)
        waiters.resume(.flush, in: &wakeups)
        return number
    }
}
