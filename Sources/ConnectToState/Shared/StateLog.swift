/// Keeps what a shared state learns: it is called under the state's lock, in the order in which things are applied, and
/// before anything of it is sent.
protocol StateLog: Sendable {
    /// - Parameters:
    ///   - document: with or without what is applied.
    ///   - isOwn: whether this program writes it. Then an error goes to the caller, and nothing has been applied yet.
    ///     What others have written stays applied and is sent on, whether or not it could be kept.
    func append(_ applied: Replication.Applied, of document: Document, isOwn: Bool) throws(StateError)

    /// The state was closed: nothing more comes.
    func close()
}
