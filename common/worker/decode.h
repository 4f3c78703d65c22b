// Messages that several stages take, as plain values. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/status.h"
#include "common/chat/open.h"
#include "common/worker/stage.h"
#include "common/worker/task_context.h"
#include "foundry/common/v1/artifact.pb.h"
#include "foundry/pipeline/v1/settings.pb.h"

namespace foundry::worker {

inline chat::TeacherConfig DecodeTeacher(const pipeline::v1::Teacher& teacher) {
  chat::TeacherConfig config;
  config.model = teacher.model();
  config.endpoint = teacher.endpoint();
  config.api_key = teacher.api_key();
  if (teacher.has_max_concurrency()) config.max_concurrency = teacher.max_concurrency();
  config.requests_per_minute = teacher.requests_per_minute();
  if (teacher.has_timeout()) config.timeout_seconds = teacher.timeout();
  if (teacher.has_weight()) config.weight = teacher.weight();
  if (teacher.has_temperature()) config.temperature = teacher.temperature();
  return config;
}

struct ModelFiles {
  std::string model;    // path, or a name for lm::ResolveModel
  std::string adapter;  // path of a PEFT folder; empty: none
};

// Brings the files of a model here. InvalidArgument when it names no model.
inline absl::StatusOr<ModelFiles> FetchModel(const common::v1::ModelRef& model,
                                             TaskContext& context) {
  ModelFiles files;
  files.model = model.name();
  if (model.has_files()) {
    FOUNDRY_ASSIGN_OR_RETURN(const auto path, context.Fetch(FromProto(model.files())));
    files.model = path.string();
  }
  if (files.model.empty()) return absl::InvalidArgumentError("the request names no model");
  if (model.has_adapter()) {
    FOUNDRY_ASSIGN_OR_RETURN(const auto path, context.Fetch(FromProto(model.adapter())));
    files.adapter = path.string();
  }
  return files;
}

}  // namespace foundry::worker
