/// Keeps what a shared state learns: it is called under the state's lock, in the order in which things are applied, and
/// before anything of it is sent.
protocol StateLog: Sendable {
    /// - Parameters:
    ///   - document: with or without what is applied. Where it is with it, an error changes nothing: what is applied
    ///     stays and is sent on, whether or not it could be kept.
    ///   - isOwn: whether this program writes it.
    /// - Throws: ``StateError``; where the document is without it, it is not to be applied.
    func append(_ applied: Replication.Applied, of document: Document, isOwn: Bool) throws(StateError)

    /// The state was closed: nothing more comes.
    func close()
}
