#include "services/extraction/sources/line_reader.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace foundry::extraction {

struct LineReader::Impl {
  gzFile file = nullptr;
  std::string path;
  size_t longest = 0;
  int64_t number = 0;
  char buffer[64 << 10];
  int size = 0, at = 0;

  ~Impl() {
    if (file != nullptr) gzclose(file);
  }
};

LineReader::LineReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LineReader::~LineReader() = default;

absl::StatusOr<std::unique_ptr<LineReader>> LineReader::Open(const std::filesystem::path& path,
                                                             size_t longest) {
  auto impl = std::make_unique<Impl>();
  impl->path = path.string();
  impl->longest = longest;
  impl->file = gzopen(path.c_str(), "rbe");
  if (impl->file == nullptr)
    return absl::ErrnoToStatus(errno, absl::StrCat(impl->path, ": cannot open"));
  return std::unique_ptr<LineReader>(new LineReader(std::move(impl)));
}

absl::StatusOr<bool> LineReader::Next(Line* line) {
  Impl& in = *impl_;
  line->text.clear();
  line->too_long = false;
  line->number = ++in.number;
  bool any = false;
  while (true) {
    if (in.at == in.size) {
      in.at = 0;
      in.size = gzread(in.file, in.buffer, sizeof(in.buffer));
      int error = Z_OK;
      const char* message = gzerror(in.file, &error);
      if (in.size < 0 || (error != Z_OK && error != Z_STREAM_END && in.size == 0)) {
        in.size = 0;
        return absl::DataLossError(absl::StrCat(in.path, ": damaged after line ", line->number - 1,
                                                ": ",
                                                error == Z_ERRNO ? strerror(errno) : message));
      }
      if (in.size == 0) return any;
    }
    any = true;
    const char* begin = in.buffer + in.at;
    const char* newline = static_cast<const char*>(memchr(begin, '\n', in.size - in.at));
    const size_t length = newline != nullptr ? newline - begin : in.size - in.at;
    if (line->text.size() + length > in.longest) {
      line->too_long = true;
    } else if (!line->too_long) {
      line->text.append(begin, length);
    }
    in.at += static_cast<int>(length) + (newline != nullptr ? 1 : 0);
    if (newline == nullptr) continue;
    if (!line->text.empty() && line->text.back() == '\r') line->text.pop_back();
    return true;
  }
}

}  // namespace foundry::extraction
