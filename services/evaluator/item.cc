#include "services/evaluator/item.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "common/dataset/prompt.h"

namespace foundry::evaluator {
namespace {

struct KindInfo {
  TaskKind kind;
  const char* name;
  const char* primary;
};
constexpr std::array<KindInfo, 4> kKinds = {{
    {TaskKind::kHeldOut, "heldout", "score"},
    {TaskKind::kQa, "qa", "contains"},
    {TaskKind::kCommand, "commands", "token_f1"},
    {TaskKind::kDomain, "domain", "pass"},
}};

}  // namespace

const char* KindName(TaskKind kind) { return kKinds[static_cast<size_t>(kind)].name; }

TaskKind KindFromName(const std::string& name) {
  for (const KindInfo& info : kKinds) {
    if (name == info.name) return info.kind;
  }
  return TaskKind::kQa;
}

const char* PrimaryMetric(TaskKind kind) { return kKinds[static_cast<size_t>(kind)].primary; }

std::string PromptOf(const Item& item) {
  if (item.kind == TaskKind::kCommand) {
    return absl::StrCat("Write one shell command, and nothing else, for this task: ",
                        item.question);
  }
  return dataset::ClosedBookPrompt(item.topic, item.question);
}

}  // namespace foundry::evaluator
