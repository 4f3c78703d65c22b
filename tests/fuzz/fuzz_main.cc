// libFuzzer's entry: one program a format, chosen by FOUNDRY_FUZZ_FORMAT. Beyond what the
// sanitizers see, an error that does not name the file it is about counts as a crash.
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "common/base/files.h"
#include "tests/fuzz/formats.h"

namespace foundry::fuzz {
namespace {

constexpr const Format& Chosen() {
  for (const Format& format : kFormats) {
    if (format.name == FOUNDRY_FUZZ_FORMAT) return format;
  }
  std::abort();
}

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::abort();
}

// The readers map files, so the input becomes one; a new one each time, since file systems write
// out at once what replaces a file's content.
void Write(const std::filesystem::path& path, const uint8_t* data, size_t size) {
  unlink(path.c_str());
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) Fail("cannot create " + path.string());
  while (size > 0) {
    const ssize_t written = write(fd, data, size);
    if (written <= 0) Fail("cannot write " + path.string());
    data += written;
    size -= static_cast<size_t>(written);
  }
  close(fd);
}

}  // namespace
}  // namespace foundry::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace foundry::fuzz;
  // Never destroyed: libFuzzer leaves by _Exit. run.sh removes what TMPDIR holds.
  static const auto& folder = *new foundry::TempFolder(foundry::TempFolder::Make().value());
  static constexpr const Format& kFormat = Chosen();
  Write(folder.path() / kFormat.file, data, size);
  const absl::Status status = Read(kFormat, folder.path());
  if (!status.ok() && !absl::StrContains(status.message(), folder.path().string())) {
    Fail("the error names no file: " + status.ToString());
  }
  return 0;
}
