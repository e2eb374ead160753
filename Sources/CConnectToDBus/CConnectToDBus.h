// libdbus alone. Only the files of ConnectToDBus that call libdbus import this module.
#pragma once
#include <dbus/dbus.h>
