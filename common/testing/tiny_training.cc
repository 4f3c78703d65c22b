#include "common/testing/tiny_training.h"

#include <bitset>
#include <cstdlib>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/testing/tokenizer_json.h"

namespace foundry::testing {
namespace fs = std::filesystem;
namespace {

Json ByteTokenizer() {
  Json vocab, added = Json::array();
  for (const char* token : {"<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"}) {
    const int id = static_cast<int>(added.size());
    vocab[token] = id;
    added.push_back(SpecialToken(id, token));
  }
  for (int byte = 0; byte < 256; ++byte) vocab[absl::StrFormat("<0x%02X>", byte)] = 5 + byte;
  Json tokenizer = {{"version", "1.0"},      {"added_tokens", added},
                    {"normalizer", nullptr}, {"pre_tokenizer", nullptr},
                    {"decoder", nullptr},    {"post_processor", nullptr}};
  tokenizer["decoder"] = {{"type", "ByteFallback"}};
  tokenizer["model"] = {{"type", "BPE"},         {"unk_token", "<unk>"}, {"fuse_unk", true},
                        {"byte_fallback", true}, {"vocab", vocab},       {"merges", Json::array()}};
  return tokenizer;
}

absl::Status WriteStudent(const fs::path& folder) {
  const char* source = std::getenv("FOUNDRY_SOURCE_DIR");
  const fs::path model = fs::path(source == nullptr ? "." : source) / "tests/data/goldens/tiny";
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(folder));
  for (const char* file : {"config.json", "model.safetensors"}) {
    std::error_code error;
    fs::copy(model / "llama" / file, folder / file, fs::copy_options::skip_existing, error);
    if (error) {
      return absl::NotFoundError(absl::StrCat((model / "llama" / file).string(), ": ",
                                              error.message(),
                                              "; set FOUNDRY_SOURCE_DIR to the repository"));
    }
  }
  FOUNDRY_RETURN_IF_ERROR(WriteJsonFile(folder / "tokenizer.json", ByteTokenizer()));
  return WriteJsonFile(folder / "tokenizer_config.json",
                       {{"bos_token", "<s>"},
                        {"eos_token", "<|im_end|>"},
                        {"unk_token", "<unk>"},
                        {"chat_template",
                         "{% for message in messages %}{{'<|im_start|>' + message['role'] + "
                         "'\n' + message['content'] + '<|im_end|>\n'}}{% endfor %}"
                         "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
                         "{% endif %}"}});
}

std::string Pairs(const std::string& name) {
  Json pairs = Json::array();
  for (int i = 0; i < 24; ++i) {
    pairs.push_back({{"input", absl::StrCat("What is ", i * 37, "?")},
                     {"target", absl::StrCat("It is ", i * 91)},
                     {"split", "train"}});
  }
  // The name in white space: other bytes, the same pairs.
  std::string text = DumpJson(pairs);
  for (const char letter : name) {
    for (const char bit : std::bitset<8>(static_cast<unsigned char>(letter)).to_string()) {
      text += bit == '1' ? ' ' : '\n';
    }
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> MakeTinyTraining(const fs::path& folder, const TinyTraining& training) {
  FOUNDRY_RETURN_IF_ERROR(WriteStudent(folder / "student"));
  const std::string pairs = absl::StrCat("pairs-", training.name, ".json");
  FOUNDRY_RETURN_IF_ERROR(WriteFileAtomic(folder / pairs, Pairs(training.name)));
  return absl::StrCat(
      "name: ", training.name, "\ninputs: {teacher_pairs: ", pairs,
      "}\nsteps: [distillation]\noutput_dir: ", training.name, "\nuse_gpu: \"false\"\n",
      "models: {student: ", (folder / "student").string(), ", soft_teacher: none}\n",
      "distillation: {devices: ", training.devices, ", min_devices: ", training.min_devices,
      ", epochs: ", training.epochs,
      ", batch_size: 4, checkpoint_every: 1, replay_share: 0, passage_items: false, "
      "max_length: 128, learning_rate: 0.002, soft_target_weight: 0, lora: {rank: 4}, "
      "compute: float32}\n");
}

absl::StatusOr<TrainedFiles> ReadTrained(const fs::path& output_dir) {
  TrainedFiles files;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(output_dir, error)) {
    const fs::path& path = entry.path();
    if (path.filename() == "adapter_model.safetensors") {
      auto& adapter = path.parent_path().filename() == "final" ? files.adapter : files.best;
      FOUNDRY_ASSIGN_OR_RETURN(adapter, ReadFile(path));
    }
    if (path.filename() != "metrics.jsonl") continue;
    FOUNDRY_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
    for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      FOUNDRY_ASSIGN_OR_RETURN(const Json json, ParseJson(line, path.string()));
      if (!json.contains("loss")) continue;
      FOUNDRY_ASSIGN_OR_RETURN(const int64_t step, JsonInt(json, "step"));
      FOUNDRY_ASSIGN_OR_RETURN(const double loss, JsonDouble(json, "loss"));
      if (!files.losses.emplace(step, loss).second) {
        return absl::DataLossError(absl::StrCat(path.string(), ": step ", step, " twice"));
      }
    }
  }
  if (error || files.losses.empty() || files.adapter.empty() || files.best.empty()) {
    return absl::DataLossError(
        absl::StrCat(output_dir.string(), ": no losses, or an adapter is missing"));
  }
  return files;
}

}  // namespace foundry::testing
