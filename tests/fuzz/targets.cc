#include "tests/fuzz/targets.h"

#include <vector>

#include "common/base/status.h"
#include "common/lm/weights/checkpoint.h"
#include "common/lm/weights/config_reader.h"
#include "common/lm/weights/dequantize.h"
#include "common/lm/weights/gguf.h"
#include "common/lm/weights/safetensors.h"
#include "common/tokenizer/chat_template.h"
#include "common/tokenizer/tokenizer.h"

namespace foundry::fuzz {
namespace fs = std::filesystem;
namespace {

// The first error counts, but the other readers are tried too.
void Keep(const absl::Status& status, absl::Status* first) { first->Update(status); }

void Use(const tokenizer::Tokenizer& tokenizer) {
  const auto ids =
      tokenizer.Encode("Straße 12,\tnaïve \u4e2d\u6587 <s>\xff", {.add_special = true});
  (void)tokenizer.Decode(ids);
  (void)tokenizer.Decode({0, 1, 2, 1 << 30, -1});
}

}  // namespace

absl::Status ReadSafetensors(const fs::path& file) {
  FOUNDRY_ASSIGN_OR_RETURN(const auto opened, lm::Safetensors::Open(file));
  absl::Status first;
  for (const lm::TensorView& view : opened->tensors()) {
    Keep(opened->Float32(view.name).status(), &first);
  }
  return first;
}

absl::Status ReadGguf(const fs::path& file) {
  FOUNDRY_ASSIGN_OR_RETURN(const auto opened, lm::Gguf::Open(file));
  absl::Status first;
  for (const lm::TensorView& view : opened->tensors()) {
    const auto count = lm::ElementCount(view.shape);
    if (!count.ok()) return count.status();
    std::vector<float> values(static_cast<size_t>(*count));
    Keep(Annotate(lm::Dequantize(view.dtype, view.bytes, absl::MakeSpan(values)), file.string()),
         &first);
  }
  Keep(lm::Checkpoint::Open(file).status(), &first);
  const auto vocabulary = tokenizer::Tokenizer::Load(file);
  Keep(vocabulary.status(), &first);
  if (vocabulary.ok()) Use(**vocabulary);
  return first;
}

absl::Status ReadTokenizer(const fs::path& folder) {
  absl::Status first;
  const auto chat = tokenizer::ChatTemplate::Load(folder);
  if (!absl::IsNotFound(chat.status())) Keep(chat.status(), &first);
  if (chat.ok()) (void)chat->Render({{"user", "a"}, {"assistant", "b"}, {"user", "c"}}, true);
  const auto opened = tokenizer::Tokenizer::Load(folder);
  Keep(opened.status(), &first);
  if (opened.ok()) Use(**opened);
  return first;
}

absl::Status ReadConfig(const fs::path& folder) {
  return lm::ReadHuggingFaceConfig(folder).status();
}

absl::Status ReadTemplate(const fs::path& folder) {
  FOUNDRY_ASSIGN_OR_RETURN(const auto chat, tokenizer::ChatTemplate::Load(folder));
  for (const bool generation : {true, false}) {
    (void)chat.Render({{"system", "s"}, {"user", "a"}, {"assistant", "<think>b</think>\n\u00e9"}},
                      generation);
  }
  return absl::OkStatus();
}

}  // namespace foundry::fuzz
