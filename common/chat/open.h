// From what a user's file says about a teacher to a ChatModel.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/chat/chat_model.h"
#include "common/chat/ensemble.h"

namespace foundry::chat {

// A teacher as in the user's file (foundry.pipeline.v1.Teacher).
struct TeacherConfig {
  std::string model;     // name, path, the endpoint's model, or "extractive"
  std::string endpoint;  // empty: local weights
  std::string api_key;   // env:NAME or file:PATH
  int max_concurrency = 4;
  int requests_per_minute = 0;   // 0: no limit
  double timeout_seconds = 120;  // of one request
  double weight = 1.0;
  double temperature = 0.7;

  bool extractive() const { return endpoint.empty() && model == "extractive"; }
};

// Makes a chat model of local weights, by name or path.
using LocalOpener =
    std::function<absl::StatusOr<std::shared_ptr<ChatModel>>(const std::string& model)>;

// The members that chat, in order: extractive teachers and those of weight 0 are left out. Empty
// when there are none. Errors are annotated with the teacher's place in the list.
absl::StatusOr<std::vector<Member>> OpenTeachers(const std::vector<TeacherConfig>& teachers,
                                                 const LocalOpener& open_local);

}  // namespace foundry::chat
