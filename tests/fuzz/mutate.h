// Damages a file's bytes, the same way for the same seed.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <string>

namespace foundry::fuzz {

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  // One to four changes: bits, bytes, numbers at the edges of their types, cuts, repeats, moves.
  // Heads of containers are hit as often as all the rest.
  std::string Mutate(std::string bytes) {
    for (uint64_t n = 1 + Below(4); n > 0; --n) Change(&bytes);
    return bytes;
  }

 private:
  uint64_t Below(uint64_t n) { return n == 0 ? 0 : random_() % n; }
  size_t Place(const std::string& bytes) {
    const size_t head = bytes.size() < 512 ? bytes.size() : 512;
    return Below(Below(2) == 0 ? head : bytes.size());
  }

  void Change(std::string* bytes) {
    if (bytes->empty()) return;
    const size_t at = Place(*bytes), left = bytes->size() - at;
    switch (Below(8)) {
      case 0:
        (*bytes)[at] = static_cast<char>((*bytes)[at] ^ (1 << Below(8)));
        return;
      case 1:
        (*bytes)[at] = static_cast<char>(Below(256));
        return;
      case 2: {
        static constexpr uint64_t kEdges[] = {0,          1,          0x7f,       0xff,
                                              0x7fffffff, 0xffffffff, ~0ull,      ~0ull >> 1,
                                              1ull << 63, 1ull << 32, 1ull << 20, 65536};
        const uint64_t edge = kEdges[Below(std::size(kEdges))];
        std::memcpy(bytes->data() + at, &edge, left < 8 ? left : (Below(2) == 0 ? 4 : 8));
        return;
      }
      case 3:
        bytes->resize(at);
        return;
      case 4:
        bytes->erase(at, 1 + Below(left < 64 ? left : 64));
        return;
      case 5:
        bytes->insert(at, bytes->substr(Place(*bytes), 1 + Below(64)));
        return;
      case 6: {
        static constexpr const char* kTexts[] = {
            "-1",   "1e999", "null", "[]",          "{}",
            "\"\"", "true",  "[[[[", "\"\\ud800\"", "99999999999999999999",
            "\xff", "0.5"};
        bytes->replace(at, Below(8), kTexts[Below(std::size(kTexts))]);
        return;
      }
      default:
        std::swap((*bytes)[at], (*bytes)[Place(*bytes)]);
    }
  }

  std::mt19937_64 random_;
};

}  // namespace foundry::fuzz
