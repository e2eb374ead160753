extension Bus {
    /// Registers a context for the time that a closure runs, and unregisters it at the end, whatever happens: when the
    /// closure returns, when it throws, and when the task is cancelled. The bus has confirmed that when this returns.
    ///
    /// ```swift
    /// try await bus.withContext("clock") { context in
    ///     try await context.serve { event in try event.source.postMessage(now()) }
    /// }
    /// ```
    ///
    /// Ports that came from the context live on. A task that is cancelled is cancelled inside of the closure, which has to
    /// return; the context is unregistered after that, or as soon as a cancelled task takes ``Context/connectEvents``.
    ///
    /// - Parameters:
    ///   - name: any UTF-8 but the empty; see ``ContextName``.
    ///   - origin: the application id that the name lives under.
    ///   - options: everything else; see ``ContextOptions``.
    ///   - body: gets the context, registered or, with ``ContextOptions/Ownership/standby``, standing by. It runs where the
    ///     caller does.
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
