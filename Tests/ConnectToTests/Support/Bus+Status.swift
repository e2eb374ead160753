import ConnectTo

extension Bus {
    func isBack() async { await has(.connected) }
    func isAway() async { await has(.reconnecting) }

    private func has(_ wanted: Status) async {
        for await status in statuses where status == wanted { return }
    }
}
