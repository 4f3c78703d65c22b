#include "common/chat/open.h"

#include "common/base/status.h"
#include "common/chat/http_chat_model.h"

namespace foundry::chat {

absl::StatusOr<std::vector<Member>> OpenTeachers(const std::vector<TeacherConfig>& teachers,
                                                 const LocalOpener& open_local) {
  std::vector<Member> members;
  for (size_t i = 0; i < teachers.size(); ++i) {
    const TeacherConfig& teacher = teachers[i];
    if (teacher.extractive() || teacher.weight <= 0) continue;
    absl::StatusOr<std::shared_ptr<ChatModel>> model = nullptr;
    if (teacher.endpoint.empty()) {
      model = open_local(teacher.model);
    } else {
      HttpChatOptions options;
      options.endpoint = teacher.endpoint;
      options.model = teacher.model;
      options.api_key = teacher.api_key;
      options.max_concurrency = teacher.max_concurrency;
      options.requests_per_minute = teacher.requests_per_minute;
      options.timeout = absl::Seconds(teacher.timeout_seconds);
      model = MakeHttpChatModel(options);
    }
    if (!model.ok()) return Annotate(model.status(), absl::StrCat("models.teachers[", i, "]"));
    members.push_back({*std::move(model), teacher.weight, teacher.temperature});
  }
  return members;
}

}  // namespace foundry::chat
