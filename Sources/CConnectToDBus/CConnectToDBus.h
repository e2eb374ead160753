// libdbus, and nothing else: whoever imports this is one of the few files of the DBus module that touch C.
#pragma once
#include <dbus/dbus.h>
