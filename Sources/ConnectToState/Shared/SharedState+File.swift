public import Logging

extension SharedState {
    /// Makes a state whose values are kept in a file: those that the file has are there when this returns.
    ///
    /// ```swift
    /// let settings = try SharedState(at: "/home/ada/.local/share/example/settings.state")
    /// ```
    ///
    /// **What is in it.** Everything, the writes of other replicas included: values, conflicts, texts, and what is known
    /// of all writes, so that a program that returns gets from the others what it missed, and they get what it had
    /// written alone. Not in it: presence, and the id of the replica, which is another one each time. A file that was
    /// copied, or restored from a backup, therefore does no harm.
    ///
    /// **When it is written.** A write of this program is in the file before it returns, and before it is sent to
    /// others: what was acknowledged is there however the process ends (``StateDurability`` says what of it survives the
    /// loss of power). Where the file cannot be written, the write throws ``StateError/Code/notSaved``, and neither this
    /// replica nor another one has it. What comes from other replicas and cannot be saved is applied and sent on all the
    /// same, since refusing it would make replicas differ; the file gets it with the next write that works, and
    /// ``fileProblem`` says what is wrong until then. So it is with edits of texts.
    ///
    /// **On which thread.** Writes of this program are written on the caller's thread, those of others on the thread of
    /// the line, in one call each that puts them into the memory of the kernel. Once the log is longer than the
    /// snapshot, and than 256 KiB, a thread of its own writes everything anew to `FILE.new`, and puts that in the place
    /// of the file. Loading is done here, on the caller's thread.
    ///
    /// **One program at a time** has the file (flock); it is given back by ``close()``, with the last reference to the
    /// state, and however the process ends. A new file can be read and written by its user alone (0600).
    ///
    /// **Damage.** A record that a killed program has not written to its end is dropped; no write of it had returned. If
    /// anything else is not as it was written, a copy of the file is kept, what is before the damage is loaded, and
    /// ``fileDamage`` and the logger say so.
    ///
    /// - Parameters:
    ///   - file: a path. The file is made if it is not there; its directory has to be. A symbolic link is followed. An
    ///     empty file is a new one.
    ///   - durability: what a write survives once it has returned.
    ///   - conflicts: which of several values is shown that were written at the same time.
    ///   - limits: how much the state may hold. A file with more is refused.
    ///   - logger: where damage of the file and what cannot be saved are said, and what
    ///     ``init(conflicts:limits:logger:)`` says.
    /// - Throws: ``StateError`` with ``StateError/Code/fileNotUsable`` or ``StateError/Code/fileInUse``, which names the
    ///   process that has it; the file is as it was.
    public convenience init(
        at file: String, durability: StateDurability = .process, conflicts: ConflictRule = .vectorClock,
        limits: StateLimits = StateLimits(), logger: Logger? = nil
    ) throws(StateError) {
        var document = Document(rule: conflicts, limits: limits)
        var options = StateFileOptions()
        options.durability = durability
        options.logger = logger
        let opened: (file: StateFile, damage: StateDamage?)
        do throws(FileFailure) {
            opened = try StateFile.open(at: file, into: &document, options)
        } catch {
            throw StateError(error)
        }
        self.init(document, log: opened.file, logger: logger)
        locked { $0.damage = opened.damage }
    }

    /// What was damaged in the file when it was loaded; nil: nothing, or there is no file.
    public var fileDamage: StateDamage? { locked { $0.damage } }

    /// Why the file lacks something that came from other replicas; nil: it has everything, or there is no file.
    public var fileProblem: StateError? {
        (locked { $0.log } as? StateFile)?.problem.map { StateError($0) }
    }
}

extension StateFile: StateLog {
    func append(_ applied: Replication.Applied, of document: Document, isOwn: Bool) throws(StateError) {
        do throws(FileFailure) {
            try save(applied, of: document, isOwn: isOwn)
        } catch {
            throw StateError(error)
        }
    }
}

extension StateError {
    init(_ failure: FileFailure) {
        let code: Code =
            switch failure.code {
            case .notUsable: .fileNotUsable
            case .inUse: .fileInUse
            case .notSaved: .notSaved
            }
        self.init(code, failure.message)
    }
}
