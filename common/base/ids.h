// Random identifiers.
#pragma once

#include <cstdint>
#include <string>

namespace foundry {

// 26 lower-case base32 characters of 128 random bits from the operating system; safe in file names,
// URLs and SQL. Thread-safe; unique across forks and machines.
std::string RandomId();

// A seed from the operating system.
uint64_t RandomSeed();

}  // namespace foundry
