import Glibc

/// Files that never come, or not whole: a file system of the test's own serves them.
enum TroubledFiles {
    /// What mounts them takes root and FUSE.
    static let areAvailable = geteuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0

    /// For scripts: `troubled COMMAND…` runs a command that sees them in the directory `mnt`, in the background, and
    /// waits until it has ended. They are served on until the script ends or kills `$server`.
    static let prelude = """
        mkdir -p mnt
        troubled() {
            mkfifo ended
            python3 '\(script)' mnt sh -c '"$@"; echo $? >ended' sh "$@" & server=$!
            read -r status <ended; rm ended
            echo $status
        }

        """

    static let script: String = {
        let file = #filePath
        return file.dropLast("TroubledFiles.swift".count) + "troubled-files.py"
    }()
}
