import ConnectToDBus

extension ContextObject {
    /// The interfaces that objects of this library have. The contract with its explanations is
    /// `dbus/org.connectto.Context1.xml`; a test compares the two.
    enum Interface: CaseIterable {
        case context
        case properties
        case introspectable

        fileprivate var description: String {
            switch self {
            case .context: contextInterface
            case .properties: propertiesInterface
            case .introspectable: introspectableInterface
            }
        }
    }

    static func isIntrospection(_ call: MethodCall) -> Bool {
        call.member == "Introspect"
            && (call.interface == nil || call.interface == ContextInterface.introspectable)
    }

    /// - Parameter nodes: elements of object paths, which need no escaping.
    static func introspection(of interfaces: [Interface], nodes: [String]) -> String {
        """
        <!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
          "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
        <node>
        \((interfaces.map(\.description) + nodes.map { "  <node name=\"\($0)\"/>" }).joined(separator: "\n"))
        </node>
        """
    }
}

private let contextInterface = """
      <interface name="org.connectto.Context1">
        <method name="Connect">
          <arg name="line" type="h" direction="in"/>
          <arg name="hello" type="a{sv}" direction="in"/>
          <arg name="welcome" type="a{sv}" direction="out"/>
        </method>
        <method name="Status">
          <arg name="status" type="a{sv}" direction="out"/>
        </method>
        <method name="Tap">
          <arg name="line" type="h" direction="in"/>
          <arg name="options" type="a{sv}" direction="in"/>
          <arg name="answer" type="a{sv}" direction="out"/>
        </method>
        <property name="Name" type="ay" access="read">
          <annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="const"/>
        </property>
        <property name="Origin" type="s" access="read">
          <annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="const"/>
        </property>
        <property name="Version" type="u" access="read">
          <annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="const"/>
        </property>
        <property name="Format" type="s" access="read">
          <annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="const"/>
        </property>
        <property name="Metadata" type="a{ss}" access="read">
          <annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="const"/>
        </property>
      </interface>
    """

private let propertiesInterface = """
      <interface name="org.freedesktop.DBus.Properties">
        <method name="Get">
          <arg name="interface" type="s" direction="in"/>
          <arg name="property" type="s" direction="in"/>
          <arg name="value" type="v" direction="out"/>
        </method>
        <method name="GetAll">
          <arg name="interface" type="s" direction="in"/>
          <arg name="properties" type="a{sv}" direction="out"/>
        </method>
        <method name="Set">
          <arg name="interface" type="s" direction="in"/>
          <arg name="property" type="s" direction="in"/>
          <arg name="value" type="v" direction="in"/>
        </method>
      </interface>
    """

private let introspectableInterface = """
      <interface name="org.freedesktop.DBus.Introspectable">
        <method name="Introspect">
          <arg name="xml" type="s" direction="out"/>
        </method>
      </interface>
    """
