// A decoder from a checkpoint on disk. Internal to common/lm.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "common/lm/model/decoder.h"
#include "common/lm/types.h"
#include "common/lm/weights/checkpoint.h"

namespace foundry::lm {

absl::StatusOr<std::unique_ptr<Decoder>> DecoderFromCheckpoint(const Checkpoint& checkpoint,
                                                               const LoadOptions& options);

// "auto", "cpu", "cuda", "cuda:1". FailedPrecondition when there is no such device here.
absl::StatusOr<at::Device> ParseDevice(const std::string& name);

// Of kAuto: bfloat16 where a short measurement (under a second, once per process and device) finds
// its products at least half again as fast as float32's.
at::ScalarType ResolveCompute(ComputeType type, at::Device device);

}  // namespace foundry::lm
