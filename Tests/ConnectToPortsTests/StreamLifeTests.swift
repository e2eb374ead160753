import Testing

@testable import ConnectToPorts

@Suite("The life of a stream") struct StreamLifeTests {
    @Test("has no messages and no frames: nothing is sent, whatever the program says")
    func noFrames() {
        var life = PortLife(isOpen: true, format: .stream)
        #expect(life.inputHasEnded)
        #expect(life.finish().isEmpty)
        #expect(life.reason == nil)
        let effects = life.close()
        #expect(effects.isDisjoint(with: [.sendClose, .sendFinish]))
        #expect(effects.contains(.hangUp))
        #expect(life.reason?.code == .closed)
        #expect(life.close().isEmpty)
    }

    @Test("is not ended by the line's end before it is open, and keeps its socket after")
    func end() {
        var life = PortLife(isOpen: false, format: .stream)
        #expect(life.handOverRefusal?.code == .notOpen)
        #expect(life.didReachEnd().isEmpty)
        #expect(life.didOpen() == .announceOpen)
        #expect(life.didReachEnd() == .announceEnd)
        #expect(life.reason?.code == .closed)
        #expect(life.handOverRefusal == nil)
        #expect(life.didReachEnd().isEmpty)
        #expect(life.close().contains(.hangUp))
        #expect(life.handOverRefusal?.code == .detached)
    }

    @Test(
        "is over when its socket has been handed over, with a reason that does not change",
        arguments: [true, false])
    func handedOver(peerIsGone: Bool) {
        var life = PortLife(isOpen: true, format: .stream)
        if peerIsGone { _ = life.didReachEnd() }
        #expect(life.didHandOver() == .announceEnd)
        #expect(life.reason?.code == (peerIsGone ? .closed : .transferred))
        #expect(life.close().isEmpty)
        #expect(life.fail(.peerExited).isEmpty)
        #expect(life.handOverRefusal?.code == .detached)
    }

    @Test("cannot be transferred as a port")
    func notTransferable() {
        #expect(PortLife(isOpen: true, format: .stream).transferRefusal?.code == .notTransferable)
    }

    @Test("A port with messages that is over has no socket to hand over")
    func messages() {
        var life = PortLife(isOpen: true)
        #expect(life.handOverRefusal == nil)
        _ = life.didReachEnd()
        #expect(life.handOverRefusal?.code == .closed)
    }
}
