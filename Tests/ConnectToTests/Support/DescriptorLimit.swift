import ConnectToLinux
import ConnectToTesting
import Glibc

/// Runs a body while the process may open no descriptor whose number is so far above the highest that it has.
/// - Parameter body: gets the limit.
func withDescriptorLimit(
    _ room: Int, isolation: isolated (any Actor)? = #isolation, _ body: (Int32) async throws -> Void
) async throws {
    let resource = __rlimit_resource_t(bitPattern: RLIMIT_NOFILE.rawValue)
    var former = rlimit()
    try systemCall("getrlimit") { getrlimit(resource, &former) }
    let lowered = try OpenDescriptor.all().map(\.number).max().map { Int($0) + room } ?? room
    try systemCall("setrlimit") {
        withUnsafePointer(to: rlimit(rlim_cur: rlim_t(lowered), rlim_max: former.rlim_max)) {
            setrlimit(resource, $0)
        }
    }
    defer { _ = withUnsafePointer(to: former) { setrlimit(resource, $0) } }
    try await body(Int32(lowered))
}
