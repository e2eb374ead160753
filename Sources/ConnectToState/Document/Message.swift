extension Replication {
    /// What goes from replica to replica.
    enum Message: Hashable, Sendable {
        /// Comes first.
        case hello(Hello)
        /// What the sender knows, where the two differ.
        case vector(VersionVector)
        case delta(Delta)
        /// A transaction.
        case operations([Operation])
        /// A transaction of texts.
        case edits([TextOperation])
        case audit(Audit)
    }

    /// Who the sender is, and what it knows as a number.
    struct Hello: Hashable, Sendable {
        let replica: ReplicaID
        /// The fingerprint of what the sender knows.
        let vector: UInt64
        /// Whether the sender knows nothing of the receiver yet, nor has heard anything of it on this line. The receiver
        /// begins anew with it, and says hello again: its own first one may have come before the sender listened.
        let begins: Bool
    }

    /// What the sender holds, in two numbers.
    struct Audit: Hashable, Sendable {
        let vector: UInt64
        let values: UInt64
        let wantsAnswer: Bool
    }

    /// What one replica has found about another one.
    enum AuditResult: Hashable, Sendable {
        case same
        /// Something was written here meanwhile, so it cannot be said: ask again.
        case busy
        /// One of the two lacks operations that it should have been sent. It gets them now.
        case differentOperations
        /// Both know the same operations and hold different values. What only one of the two holds goes.
        case differentValues
    }
}

extension Replication.Audit {
    init(_ document: Document, wantsAnswer: Bool) {
        vector = document.vector.fingerprint
        values = document.totals.fingerprint
        self.wantsAnswer = wantsAnswer
    }
}
