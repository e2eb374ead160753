// The standard library lends bytes with untyped throws; these versions keep the type of the error.

extension [UInt8] {
    func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withUnsafeBufferPointer { bytes throws(Failure) in try body(UnsafeRawBufferPointer(bytes)) }
    }
}

extension String {
    func withBytes<Value, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        var contiguous = self
        let result: Result<Value, Failure> = contiguous.withUTF8 { utf8 in
            do throws(Failure) {
                return .success(try body(UnsafeRawBufferPointer(utf8)))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

func withBytes<Value, Result, Failure: Error>(
    of value: inout Value, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
) throws(Failure) -> Result {
    try withUnsafeBytes(of: &value) { bytes throws(Failure) in try body(bytes) }
}
