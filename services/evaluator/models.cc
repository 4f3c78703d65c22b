#include "services/evaluator/models.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/chat/ensemble.h"

namespace foundry::evaluator {

absl::StatusOr<std::shared_ptr<chat::ChatModel>> OpenChatTeachers(
    const std::vector<chat::TeacherConfig>& teachers, const ModelAccess& models,
    const ModelChoice& local) {
  const auto open_local =
      [&](const std::string& model) -> absl::StatusOr<std::shared_ptr<chat::ChatModel>> {
    ModelChoice choice = local;
    choice.model = model;
    choice.adapter.clear();
    FOUNDRY_ASSIGN_OR_RETURN(OpenedModel opened, models.open_model(choice));
    return opened.chat;
  };
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<chat::Member> members,
                           chat::OpenTeachers(teachers, open_local));
  if (members.empty()) return std::shared_ptr<chat::ChatModel>();
  if (members.size() == 1) return members[0].model;
  return chat::Ensemble::Make(std::move(members));
}

}  // namespace foundry::evaluator
