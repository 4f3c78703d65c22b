// Small models for tests of exports: the reference data's random decoders with a tokenizer beside
// them, and adapters.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/lm/weights/tensor_file_writer.h"
#include "common/testing/tokenizer_json.h"
#include "common/tokenizer/model.h"
#include "common/tokenizer/regex_split.h"

namespace foundry::lm::testing {

inline std::filesystem::path SourceDir() {
  const char* folder = std::getenv("FOUNDRY_SOURCE_DIR");
  return folder == nullptr ? "." : folder;
}

inline std::filesystem::path SharedDir() {
  const char* folder = std::getenv("FOUNDRY_SHARED_DIR");
  return folder == nullptr ? SourceDir() / "../shared" : std::filesystem::path(folder);
}

inline std::filesystem::path ModelsDir() {
  const char* folder = std::getenv("FOUNDRY_MODELS");
  return folder == nullptr ? SourceDir() / "models" : std::filesystem::path(folder);
}

// A byte-level tokenizer of 3 special tokens and the 256 bytes, cut as Qwen 2 does.
inline void WriteByteTokenizer(const std::filesystem::path& folder) {
  Json vocab = {{"<pad>", 0}, {"<s>", 1}, {"</s>", 2}}, added = Json::array();
  for (const char* token : {"<pad>", "<s>", "</s>"}) {
    added.push_back(foundry::testing::SpecialToken(vocab[token], token));
  }
  for (int byte = 0; byte < 256; ++byte) {
    vocab[tokenizer::AlphabetCharacter(static_cast<unsigned char>(byte))] = 3 + byte;
  }
  const Json byte_level = {{"type", "ByteLevel"},
                           {"add_prefix_space", false},
                           {"trim_offsets", true},
                           {"use_regex", false}};
  const Json split = {{"type", "Split"},
                      {"pattern", {{"Regex", std::string(tokenizer::kQwen2Pattern)}}},
                      {"behavior", "Isolated"},
                      {"invert", false}};
  const Json tokenizer = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", added},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {split, byte_level}}}},
      {"post_processor", byte_level},
      {"decoder", byte_level},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", nullptr},
        {"continuing_subword_prefix", nullptr},
        {"end_of_word_suffix", nullptr},
        {"fuse_unk", false},
        {"byte_fallback", false},
        {"vocab", vocab},
        {"merges", Json::array()}}}};
  const Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                       {"bos_token", "<s>"},
                       {"eos_token", "</s>"},
                       {"pad_token", "<pad>"},
                       {"clean_up_tokenization_spaces", false}};
  (void)WriteJsonFile(folder / "tokenizer.json", tokenizer);
  (void)WriteJsonFile(folder / "tokenizer_config.json", config);
}

// The reference data's decoder of a family, with WriteByteTokenizer's tokenizer. False: not here.
inline bool CopyTinyModel(const std::string& family, const std::filesystem::path& folder) {
  const std::filesystem::path from = SharedDir() / "data/goldens/tiny" / family;
  if (!std::filesystem::exists(from)) return false;
  std::filesystem::create_directories(folder);
  for (const char* file : {"config.json", "model.safetensors"}) {
    std::filesystem::copy_file(from / file, folder / file);
  }
  WriteByteTokenizer(folder);
  return true;
}

struct TestModule {
  std::string name;  // model.layers.0.self_attn.q_proj
  int64_t in = 0, out = 0;
};

// A rank-2 adapter in PEFT's format whose values follow a fixed pattern; `b`: size of B's values.
inline void WriteAdapter(const std::filesystem::path& folder,
                         const std::vector<TestModule>& modules, float b) {
  std::vector<StoredTensor> stored;
  for (const TestModule& module : modules) {
    const std::string prefix = absl::StrCat("base_model.model.", module.name);
    stored.push_back({prefix + ".lora_A.weight", DType::kF32, {2, module.in}});
    stored.push_back({prefix + ".lora_B.weight", DType::kF32, {module.out, 2}});
  }
  std::filesystem::create_directories(folder);
  auto writer = TensorFileWriter::Safetensors(folder / "adapter_model.safetensors",
                                              {{"format", "pt"}}, stored);
  for (const StoredTensor& tensor : stored) {
    const bool is_a = tensor.shape[0] == 2 && tensor.name.find("lora_A") != std::string::npos;
    std::vector<float> values(*ElementCount(tensor.shape));
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = (static_cast<float>(i * 7 % 13) - 6) / 6 * (is_a ? 0.2f : b);
    }
    (void)(*writer)->Write(tensor.name, values);
  }
  (void)(*writer)->Finish();
  (void)WriteJsonFile(folder / "adapter_config.json",
                      {{"peft_type", "LORA"},
                       {"r", 2},
                       {"lora_alpha", 4},
                       {"bias", "none"},
                       {"use_dora", false},
                       {"use_rslora", false},
                       {"rank_pattern", Json::object()},
                       {"target_modules", {"q_proj", "down_proj"}}});
}

}  // namespace foundry::lm::testing
