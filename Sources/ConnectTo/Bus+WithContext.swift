extension Bus {
    /// Registers a context while a closure runs, and unregisters it at the end, whatever happens: when the closure
    /// returns, when it throws, and when the task is cancelled. The bus has confirmed the end when this returns.
    ///
    /// ```swift
    /// try await bus.withContext("clock") { context in
    ///     try await context.serve { event in try event.source.postMessage(now()) }
    /// }
    /// ```
    ///
    /// Ports that came from the context live on. Where the task is cancelled, the closure is cancelled with it and
    /// has to return. The context is unregistered after that, or as soon as a cancelled task takes
    /// ``Context/connectEvents``.
    ///
    /// - Parameters:
    ///   - name: any UTF-8 except the empty string; see ``ContextName``.
    ///   - origin: the application id that the name lives under.
    ///   - options: everything else; see ``ContextOptions``.
    ///   - body: gets the context, which is registered or, with ``ContextOptions/Ownership/standby``, standing by. It
    ///     runs where the caller of this function runs.
    /// - Returns: what the closure returns.
    /// - Throws: what ``register(_:origin:options:)`` throws, and what the closure throws.
    public nonisolated(nonsending) func withContext<Result>(
        _ name: String, origin: String = ContextName.defaultOrigin, options: ContextOptions = ContextOptions(),
        _ body: nonisolated(nonsending) (Context) async throws -> Result
    ) async throws -> Result {
        let context = try await register(name, origin: origin, options: options)
        do {
            let result = try await body(context)
            await context.unregister()
            return result
        } catch {
            await context.unregister()
            throw error
        }
    }
}
