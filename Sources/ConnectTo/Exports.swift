@_exported public import Ports
