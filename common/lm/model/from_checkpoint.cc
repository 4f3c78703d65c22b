#include "common/lm/model/from_checkpoint.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>

#include <ATen/Context.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "common/lm/model/matmul.h"

namespace foundry::lm {
namespace {

// Whether products of the size that training makes are worth it in bfloat16. Both types take turns
// and the best of each counts: what else runs on the machine may hold up many in a row, and the
// choice stays for the whole run.
bool BFloat16IsFaster(at::Device device) {
  constexpr int kRounds = 60;
  constexpr auto kLongest = std::chrono::milliseconds(600);
  struct Candidate {
    explicit Candidate(at::TensorOptions o)
        : x(at::ones({512, 576}, o)), w(at::ones({1536, 576}, o)), y(at::empty({512, 1536}, o)) {}
    void Run() {
      const auto start = std::chrono::steady_clock::now();
      matmul::Transposed(x, w, y);
      y.narrow(0, 0, 1).sum().item<float>();  // waits for the device
      best = std::min(
          best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    at::Tensor x, w, y;
    double best = 1e9;
  };
  Candidate full(at::TensorOptions(at::kFloat).device(device)),
      half(at::TensorOptions(at::kBFloat16).device(device));
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kRounds && std::chrono::steady_clock::now() - start < kLongest; ++i) {
    full.Run();
    half.Run();
  }
  return half.best * 1.5 < full.best;
}

// Lets the pages of a mapped file go that lie within `bytes`, which have been read: they no longer
// count as this process's memory.
void ReleasePages(absl::Span<const uint8_t> bytes) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto from = reinterpret_cast<uintptr_t>(bytes.data());
  const uintptr_t begin = (from + page - 1) / page * page,
                  end = (from + bytes.size()) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace

absl::StatusOr<at::Device> ParseDevice(const std::string& name) {
  if (name == "auto") return at::Device(at::hasCUDA() ? at::kCUDA : at::kCPU);
  if (name == "cpu") return at::Device(at::kCPU);
  absl::string_view rest = name;
  if (absl::ConsumePrefix(&rest, "cuda")) {
    int index = 0;
    if (!rest.empty() && !(absl::ConsumePrefix(&rest, ":") && absl::SimpleAtoi(rest, &index))) {
      return absl::InvalidArgumentError(absl::StrCat("device '", name, "': say cuda or cuda:1"));
    }
    if (!at::hasCUDA()) {
      return absl::FailedPreconditionError(
          absl::StrCat("device '", name, "': this build of libtorch finds no CUDA device"));
    }
    return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("device '", name, "': one of auto, cpu, cuda, cuda:N"));
}

at::ScalarType ResolveCompute(ComputeType type, at::Device device) {
  if (type == ComputeType::kFloat32) return at::kFloat;
  if (type == ComputeType::kBFloat16) return at::kBFloat16;
  static std::mutex mutex;
  static std::map<std::string, at::ScalarType> found;
  std::lock_guard lock(mutex);
  auto [entry, fresh] = found.try_emplace(device.str(), at::kFloat);
  if (fresh && BFloat16IsFaster(device)) entry->second = at::kBFloat16;
  return entry->second;
}

absl::StatusOr<std::unique_ptr<Decoder>> DecoderFromCheckpoint(const Checkpoint& checkpoint,
                                                               const LoadOptions& options) {
  FOUNDRY_ASSIGN_OR_RETURN(at::Device device, ParseDevice(options.device));
  const ModelConfig& config = checkpoint.config();
  TensorSource source = [&](const std::string& name) -> absl::StatusOr<at::Tensor> {
    FOUNDRY_ASSIGN_OR_RETURN(TensorView view, checkpoint.Find(name));
    at::Tensor tensor = at::empty(at::IntArrayRef(view.shape), at::kFloat);
    FOUNDRY_RETURN_IF_ERROR(checkpoint.Float32Into(
        name, absl::MakeSpan(tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel()))));
    ReleasePages(view.bytes);
    return tensor;
  };
  return Decoder::Build(config, source,
                        {device, ResolveCompute(options.compute, device), options.weights,
                         TensorShard::Of(options.tensor_ranks)});
}

}  // namespace foundry::lm
