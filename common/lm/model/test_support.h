// Reference answers and small models for tests of common/lm.
#pragma once

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include <ATen/ATen.h>

#include "common/lm/model/from_checkpoint.h"
#include "common/lm/weights/safetensors.h"
#include "gtest/gtest.h"

namespace foundry::lm::testing {

inline std::filesystem::path SourceDir() {
  const char* folder = std::getenv("FOUNDRY_SOURCE_DIR");
  return folder ? folder : ".";
}

// A folder or file of the reference answers: those of the shared folder, else the few that the
// repository carries. Empty when neither has it.
inline std::filesystem::path Golden(const std::string& name) {
  const char* shared = std::getenv("FOUNDRY_SHARED_DIR");
  std::filesystem::path first = shared ? std::filesystem::path(shared) : SourceDir() / "../shared";
  for (const auto& base : {first / "data/goldens", SourceDir() / "tests/data/goldens"}) {
    if (std::filesystem::exists(base / name)) return base / name;
  }
  return {};
}

// models/NAME, or $FOUNDRY_MODELS/NAME. Empty when it isn't there.
inline std::filesystem::path Model(const std::string& name) {
  const char* models = std::getenv("FOUNDRY_MODELS");
  auto folder = (models ? std::filesystem::path(models) : SourceDir() / "models") / name;
  return std::filesystem::exists(folder) ? folder : std::filesystem::path();
}

inline at::Tensor Floats(const Safetensors& file, const std::string& name) {
  std::vector<float> values = file.Float32(name).value();
  at::Tensor tensor = at::empty(at::IntArrayRef(file.Find(name)->shape), at::kFloat);
  std::memcpy(tensor.data_ptr<float>(), values.data(), values.size() * sizeof(float));
  return tensor;
}

inline std::vector<int32_t> Ids(const Safetensors& file, const std::string& name) {
  const TensorView* view = file.Find(name);
  std::vector<int64_t> wide(view->bytes.size() / sizeof(int64_t));
  std::memcpy(wide.data(), view->bytes.data(), view->bytes.size());
  return {wide.begin(), wide.end()};
}

inline std::unique_ptr<Decoder> LoadDecoder(const std::filesystem::path& path,
                                            ComputeType compute = ComputeType::kFloat32) {
  auto checkpoint = Checkpoint::Open(path);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
  LoadOptions options;
  options.device = "cpu";
  options.compute = compute;
  auto decoder = DecoderFromCheckpoint(**checkpoint, options);
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  return *std::move(decoder);
}

inline double MaxDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace foundry::lm::testing
