// liblz4 alone. Only ConnectToMessaging/Compression/LZ4Block.swift imports this module, and only with the trait LZ4.
#pragma once
#include <lz4.h>
