#include "common/base/ids.h"

#include <stdlib.h>
#include <sys/random.h>

#include <array>

namespace foundry {
namespace {

template <typename T>
T FromSystem() {
  T value;
  if (getrandom(&value, sizeof(value), 0) != sizeof(value))
    abort();  // cannot fail for 256 bytes or less
  return value;
}

}  // namespace

std::string RandomId() {
  static constexpr char kDigits[] = "0123456789abcdefghjkmnpqrstvwxyz";
  const auto bytes = FromSystem<std::array<uint8_t, 26>>();
  std::string id;
  id.reserve(bytes.size());
  for (uint8_t byte : bytes) id.push_back(kDigits[byte & 31]);
  return id;
}

uint64_t RandomSeed() { return FromSystem<uint64_t>(); }

}  // namespace foundry
