/// A limit that the kernel enforces on a worker's process, as setrlimit(2) has it.
public struct ResourceLimit: Sendable, Hashable {
    enum Resource: Sendable, Hashable { case openFiles, addressSpace, cpuTime, processes, fileSize, coreSize }

    let resource: Resource
    /// In the resource's unit; nil: no limit.
    let value: UInt64?
}
