#include "common/lm/weights/safetensors.h"

#include <fstream>
#include <string>

#include "common/base/files.h"
#include "common/lm/weights/container_builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

using testing::Floats;
using ::testing::HasSubstr;
using testing::SafetensorsBytes;

class SafetensorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TempFolder::Make();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_ = std::make_unique<TempFolder>(*std::move(folder));
  }
  std::filesystem::path Write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_->path() / name, std::ios::binary) << bytes;
    return folder_->path() / name;
  }
  std::string Error(const std::string& header, const std::string& data) {
    return std::string(Safetensors::Open(Write("x.safetensors", SafetensorsBytes(header, data)))
                           .status()
                           .message());
  }
  std::unique_ptr<TempFolder> folder_;
};

const char kTwo[] =
    R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},)"
    R"("a":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]}})";

TEST_F(SafetensorsTest, ReadsTensorsByName) {
  const std::string data = std::string("\x80\x3f\x00\xc0", 4) + Floats({3, -4.5});
  auto file = Safetensors::Open(Write("x.safetensors", SafetensorsBytes(kTwo, data)));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*(*file)->Float32("a"), (std::vector<float>{1, -2}));
  EXPECT_EQ(*(*file)->Float32("b"), (std::vector<float>{3, -4.5}));
  EXPECT_EQ((*file)->metadata().at("format"), "pt");
  EXPECT_THAT((*file)->Float32("c").status().message(), HasSubstr("x.safetensors: no tensor 'c'"));
}

TEST_F(SafetensorsTest, EveryTruncationIsAnError) {
  const std::string whole =
      SafetensorsBytes(kTwo, std::string("\x80\x3f\x00\xc0", 4) + Floats({3, -4.5}));
  for (size_t size = 0; size < whole.size(); ++size) {
    auto file = Safetensors::Open(Write("x.safetensors", whole.substr(0, size)));
    EXPECT_FALSE(file.ok()) << size;
    EXPECT_THAT(file.status().message(), HasSubstr("x.safetensors")) << size;
  }
}

TEST_F(SafetensorsTest, HostileHeadersNameTheTensor) {
  const auto entry = [](const std::string& fields) { return "{\"t\":{" + fields + "}}"; };
  EXPECT_THAT(Error(entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])"), "1234"),
              HasSubstr("tensor 't': bytes 0 to 8 lie outside"));
  EXPECT_THAT(Error(entry(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"), "12345678"),
              HasSubstr("takes 12 bytes"));
  EXPECT_THAT(Error(entry(R"("dtype":"F9","shape":[2],"data_offsets":[0,8])"), "12345678"),
              HasSubstr("'F9' is not supported"));
  EXPECT_THAT(Error(entry(R"("dtype":"F32","shape":[-1],"data_offsets":[0,8])"), "12345678"),
              HasSubstr("whole numbers"));
  EXPECT_THAT(
      Error(entry(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])"), ""),
      HasSubstr("impossible shape"));
  EXPECT_THAT(
      Error(entry(R"("dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,4])"), "1234"),
      HasSubstr("impossible shape"));
  EXPECT_THAT(Error(entry(R"("dtype":"F32","shape":[1],"data_offsets":[8,4])"), "12345678"),
              HasSubstr("outside"));
  EXPECT_THAT(Error(entry(R"("dtype":"U8","shape":[2],"data_offsets":[2,4])"), "1234"),
              HasSubstr("hole"));
  EXPECT_THAT(Error(entry(R"("dtype":"U8","shape":[2],"data_offsets":[0,2])"), "1234"),
              HasSubstr("belong to none"));
  EXPECT_THAT(Error(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
                    R"("b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
                    "1234"),
              HasSubstr("'b' at data offset 2 overlaps"));
  EXPECT_THAT(Error("[1]", ""), HasSubstr("no JSON object"));
  EXPECT_THAT(Error(R"({"t":3})", ""), HasSubstr("tensor 't'"));
}

TEST_F(SafetensorsTest, ReadsShardsThroughTheIndex) {
  const auto shard = [](const std::string& name, float value) {
    return SafetensorsBytes("{\"" + name + R"(":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                            Floats({value}));
  };
  Write("1.safetensors", shard("a", 1));
  Write("2.safetensors", shard("b", 2));
  Write("model.safetensors.index.json",
        R"({"weight_map":{"a":"1.safetensors","b":"2.safetensors"}})");
  auto file = Safetensors::Open(folder_->path());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*(*file)->Float32("b"), std::vector<float>{2});
  EXPECT_EQ((*file)->files().size(), 2u);

  const auto error = [&](const std::string& index) {
    Write("model.safetensors.index.json", index);
    return std::string(Safetensors::Open(folder_->path()).status().message());
  };
  EXPECT_THAT(error(R"({"weight_map":{"a":"1.safetensors","c":"2.safetensors"}})"),
              HasSubstr("'b' lies in 2.safetensors, but the index does not say so"));
  EXPECT_THAT(error(R"({"weight_map":{"a":"1.safetensors","c":"1.safetensors"}})"),
              HasSubstr("tensor 'c' of the index is missing"));
  EXPECT_THAT(error(R"({"weight_map":{"a":"../1.safetensors"}})"), HasSubstr("plain file name"));
  EXPECT_THAT(error(R"({"weight_map":{"a":"3.safetensors"}})"), HasSubstr("3.safetensors"));
  EXPECT_THAT(error("{}"), HasSubstr("weight_map"));
}

TEST_F(SafetensorsTest, AFolderWithoutWeightsSaysWhatWasLookedFor) {
  Write("pytorch_model.bin", "x");
  EXPECT_THAT(
      Safetensors::Open(folder_->path()).status().message(),
      ::testing::AllOf(HasSubstr("model.safetensors.index.json"), HasSubstr("pytorch_model.bin")));
}

}  // namespace
}  // namespace foundry::lm
