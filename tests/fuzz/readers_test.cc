// Damaged files of every kind that users hand in: an error that names the file, or a value; never a
// crash, a hang or memory beyond the file's size. A few thousand damages each, the same every time.
#include <cstdlib>
#include <fstream>
#include <functional>
#include <numeric>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/lm/weights/tensor_file_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fuzz/formats.h"
#include "tests/fuzz/mutate.h"

namespace foundry::fuzz {
namespace {

namespace fs = std::filesystem;
using lm::DType;
using lm::GgufValue;

fs::path Repository() {
  const char* folder = std::getenv("FOUNDRY_SOURCE_DIR");
  return folder == nullptr ? "." : folder;
}

// A new file each time: file systems write out at once what replaces a file's content.
void Write(const fs::path& file, const std::string& bytes) {
  fs::remove(file);
  std::ofstream(file, std::ios::binary) << bytes;
}

class ReadersTest : public ::testing::Test {
 protected:
  void SetUp() override { folder_ = std::make_unique<TempFolder>(TempFolder::Make().value()); }

  // Reads `count` damaged forms of the file `name`, whose sound form is `bytes`.
  void Damage(const std::string& name, const std::string& bytes, int count,
              const std::function<absl::Status()>& read) {
    const fs::path file = folder_->path() / name;
    ASSERT_TRUE(WriteFileAtomic(file, bytes).ok());
    const absl::Status sound = read();
    ASSERT_TRUE(sound.ok()) << sound;
    int refused = 0;
    for (int seed = 0; seed < count; ++seed) {
      Write(file, Mutator(seed).Mutate(bytes));
      const absl::Status status = read();
      if (status.ok()) continue;
      ++refused;
      ASSERT_TRUE(absl::StrContains(status.message(), folder_->path().string()))
          << "seed " << seed << " names no file: " << status;
    }
    EXPECT_GT(refused, count / 4) << "damage goes unnoticed";
  }
  fs::path path(const std::string& name) const { return folder_->path() / name; }

  std::unique_ptr<TempFolder> folder_;
};

// Tensors of the given types, 256 values a row, as a file's bytes.
std::string Written(bool gguf, const std::vector<DType>& types, const lm::GgufMetadata& metadata) {
  const TempFolder folder = TempFolder::Make().value();
  const fs::path file = folder.path() / "file";
  std::vector<lm::StoredTensor> tensors;
  for (const DType type : types) {
    tensors.push_back({"tensor." + std::string(lm::Info(type).name), type, {2, 256}});
  }
  auto writer = gguf ? lm::TensorFileWriter::Gguf(file, metadata, tensors)
                     : lm::TensorFileWriter::Safetensors(file, {}, tensors);
  EXPECT_TRUE(writer.ok()) << writer.status();
  std::vector<float> values(512);
  std::iota(values.begin(), values.end(), -256.0f);
  for (const auto& tensor : tensors) EXPECT_TRUE((*writer)->Write(tensor.name, values).ok());
  EXPECT_TRUE((*writer)->Finish().ok());
  return ReadFile(file).value();
}

lm::GgufMetadata Vocabulary() {
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<int64_t> types = {2, 3, 3};
  for (int b = 0; b < 256; ++b) {
    tokens.push_back(absl::StrFormat("<0x%02X>", b));
    types.push_back(6);
  }
  for (const char* piece : {"\u2581", "a", "b", "ab", "\u2581a"}) {
    tokens.push_back(piece);
    types.push_back(1);
  }
  std::vector<double> scores(tokens.size());
  std::iota(scores.begin(), scores.end(), -300.0);
  return {{"general.architecture", GgufValue::String("llama")},
          {"tokenizer.ggml.model", GgufValue::String("llama")},
          {"tokenizer.ggml.tokens", GgufValue::Strings(tokens)},
          {"tokenizer.ggml.scores", GgufValue::Float32s(scores)},
          {"tokenizer.ggml.token_type", GgufValue::Int32s(types)},
          {"tokenizer.ggml.bos_token_id", GgufValue::Uint32(1)},
          {"tokenizer.ggml.eos_token_id", GgufValue::Uint32(2)}};
}

TEST_F(ReadersTest, Safetensors) {
  const std::string bytes = Written(false, {DType::kF32, DType::kF16, DType::kBF16}, {});
  Damage("model.safetensors", bytes, 4000,
         [&] { return ReadSafetensors(path("model.safetensors")); });
}

// Every cut is noticed, and the tensor that it hits is named.
TEST_F(ReadersTest, CutSafetensorsNameTheTensor) {
  const std::string bytes = Written(false, {DType::kF32, DType::kF16}, {});
  const size_t header = 8 + static_cast<uint8_t>(bytes[0]) + 256 * static_cast<uint8_t>(bytes[1]);
  for (size_t length = 0; length < bytes.size(); length += 13) {
    Write(path("cut.safetensors"), bytes.substr(0, length));
    const absl::Status status = ReadSafetensors(path("cut.safetensors"));
    ASSERT_FALSE(status.ok()) << length;
    if (length >= header) {
      EXPECT_THAT(status.message(), ::testing::HasSubstr("tensor 'tensor.F"));
    }
  }
}

TEST_F(ReadersTest, Gguf) {
  const std::string bytes = Written(
      true, {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_K},
      Vocabulary());
  // No whole model: the checkpoint is refused by name, the vocabulary and the tensors are read.
  Write(path("model.gguf"), bytes);
  EXPECT_THAT(ReadGguf(path("model.gguf")).message(), ::testing::HasSubstr("model.gguf"));
  for (int seed = 0; seed < 4000; ++seed) {
    Write(path("model.gguf"), Mutator(seed).Mutate(bytes));
    const absl::Status status = ReadGguf(path("model.gguf"));
    ASSERT_TRUE(absl::StrContains(status.message(), "model.gguf"))
        << "seed " << seed << ": " << status;
  }
}

TEST_F(ReadersTest, CutGgufsNameTheTensor) {
  const std::string bytes = Written(true, {DType::kF32, DType::kQ4_0}, Vocabulary());
  const size_t data = bytes.size() - (512 * 4 + 2 * 256 / 32 * 18);
  for (size_t length = 0; length < bytes.size(); length += 29) {
    Write(path("cut.gguf"), bytes.substr(0, length));
    const absl::Status status = ReadGguf(path("cut.gguf"));
    ASSERT_FALSE(status.ok()) << length;
    if (length >= data) {
      EXPECT_THAT(status.message(), ::testing::HasSubstr("tensor 'tensor."));
    }
  }
}

TEST_F(ReadersTest, TokenizerJson) {
  const std::string bytes =
      ReadFile(Repository() / "tests/fuzz/seeds/tokenizer/sound.json").value();
  Damage("tokenizer.json", bytes, 4000, [&] { return ReadTokenizer(folder_->path()); });
}

TEST_F(ReadersTest, ConfigJson) {
  const std::string bytes =
      ReadFile(Repository() / "tests/data/goldens/tiny/llama/config.json").value();
  Damage("config.json", bytes, 4000, [&] { return ReadConfig(folder_->path()); });
}

TEST_F(ReadersTest, ChatTemplate) {
  const std::string bytes =
      ReadFile(Repository() / "tests/fuzz/seeds/template/sound.jinja").value();
  Damage("chat_template.jinja", bytes, 4000, [&] { return ReadTemplate(folder_->path()); });
}

// Small files of other writers, of every block type, and inputs with which a fault was found: read
// to the end, or refused with the file's name.
TEST_F(ReadersTest, Seeds) {
  for (const Format& format : kFormats) {
    const fs::path seeds = Repository() / "tests/fuzz/seeds" / format.name;
    int count = 0;
    for (const auto& seed : fs::directory_iterator(seeds)) {
      ++count;
      Write(path(std::string(format.file)), ReadFile(seed.path()).value());
      const absl::Status status = Read(format, folder_->path());
      if (status.ok()) continue;
      EXPECT_THAT(status.message(), ::testing::HasSubstr(folder_->path().string())) << seed.path();
      // The GGUF files are no whole models.
      const bool sound = seed.path().stem().string().starts_with("sound") && format.name != "gguf";
      EXPECT_FALSE(sound) << seed.path() << ": " << status;
    }
    EXPECT_GT(count, 0) << seeds;
    fs::remove(path(std::string(format.file)));
  }
}

}  // namespace
}  // namespace foundry::fuzz
