@_exported public import ConnectToPorts
