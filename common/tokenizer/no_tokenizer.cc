#include "common/tokenizer/tokenizer.h"

namespace foundry::tokenizer {
namespace {

class Nothing : public Tokenizer {
 public:
  std::vector<int32_t> Encode(absl::string_view, const EncodeOptions&) const override { return {}; }
  std::string Decode(absl::Span<const int32_t>, bool) const override { return {}; }
  int32_t vocab_size() const override { return 0; }
  std::optional<int32_t> TokenId(absl::string_view) const override { return std::nullopt; }
  std::string TokenText(int32_t) const override { return {}; }
  std::optional<int32_t> bos_id() const override { return std::nullopt; }
  std::optional<int32_t> eos_id() const override { return std::nullopt; }
  std::optional<int32_t> pad_id() const override { return std::nullopt; }
  const std::string& fingerprint() const override { return fingerprint_; }
  absl::Status SaveHuggingFace(const std::filesystem::path&) const override {
    return absl::FailedPreconditionError("the model has no tokenizer to save");
  }

 private:
  std::string fingerprint_ = "none";
};

}  // namespace

std::shared_ptr<const Tokenizer> NoTokenizer() { return std::make_shared<Nothing>(); }

}  // namespace foundry::tokenizer
