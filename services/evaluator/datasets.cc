#include "services/evaluator/datasets.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "common/dataset/prompt.h"
#include "common/dataset/topics.h"
#include "services/evaluator/metrics/errors.h"
#include "services/evaluator/pattern.h"

namespace foundry::evaluator {
namespace {

using ReadItem = std::function<absl::StatusOr<Item>(const Json& json)>;

// An id may be a number: {"id": 17}.
std::string IdOf(const Json& json, size_t position) {
  const auto it = json.find("id");
  if (it == json.end() || it->is_null()) return absl::StrCat(position);
  return it->is_string() ? it->get<std::string>() : it->dump();
}

absl::StatusOr<TestSet> ReadSet(const std::filesystem::path& path, TaskKind kind,
                                const ReadItem& read) {
  TestSet set;
  set.kind = kind;
  set.name = path.stem().string();
  std::set<std::string> ids;
  FOUNDRY_RETURN_IF_ERROR(
      dataset::ForEachJson(path, [&](const Json& json, const std::string& where) -> absl::Status {
        if (!json.is_object())
          return absl::InvalidArgumentError(absl::StrCat(where, ": not an object"));
        absl::StatusOr<Item> item = read(json);
        if (!item.ok()) return Annotate(item.status(), where);
        item->kind = kind;
        item->id = IdOf(json, set.items.size());
        if (!ids.insert(item->id).second) {
          return absl::InvalidArgumentError(
              absl::StrCat(where, ": id \"", item->id, "\" stands twice; ids must be unique"));
        }
        if (item->type.empty()) item->type = QuestionType(item->question);
        set.items.push_back(*std::move(item));
        return absl::OkStatus();
      }));
  if (set.items.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path.string(), ": holds no records"));
  }
  set.available = static_cast<int64_t>(set.items.size());
  return set;
}

absl::Status ReadCommonMembers(const Json& json, Item& item) {
  FOUNDRY_ASSIGN_OR_RETURN(item.type, JsonString(json, "type"));
  FOUNDRY_ASSIGN_OR_RETURN(const std::string title, JsonString(json, "title"));
  FOUNDRY_ASSIGN_OR_RETURN(item.document, JsonString(json, "document", title));
  item.topic = dataset::FirstTopic({title, item.document});
  return absl::OkStatus();
}

absl::StatusOr<std::string> Required(const Json& json, const char* key) {
  FOUNDRY_ASSIGN_OR_RETURN(std::string value, JsonString(json, key));
  if (value.empty()) return absl::InvalidArgumentError(absl::StrCat("has no \"", key, "\""));
  return value;
}

absl::StatusOr<Item> QaItem(const Json& json) {
  Item item;
  FOUNDRY_ASSIGN_OR_RETURN(item.question, Required(json, "question"));
  FOUNDRY_ASSIGN_OR_RETURN(item.golds, JsonStrings(json, "answers"));
  if (item.golds.empty()) {
    FOUNDRY_ASSIGN_OR_RETURN(const std::string answer, JsonString(json, "answer"));
    if (answer.empty()) {
      return absl::InvalidArgumentError("has no \"answers\" (a list of right answers)");
    }
    item.golds.push_back(answer);
  }
  FOUNDRY_RETURN_IF_ERROR(ReadCommonMembers(json, item));
  FOUNDRY_ASSIGN_OR_RETURN(item.passage, JsonString(json, "passage"));
  if (item.document.empty()) item.document = item.passage.substr(0, item.passage.find('#'));
  return item;
}

absl::StatusOr<Item> CommandItem(const Json& json) {
  Item item;
  FOUNDRY_ASSIGN_OR_RETURN(item.question, Required(json, "nl"));
  FOUNDRY_ASSIGN_OR_RETURN(std::string command, Required(json, "cmd"));
  item.golds.push_back(std::move(command));
  FOUNDRY_ASSIGN_OR_RETURN(item.type, JsonString(json, "type"));
  if (item.type.empty()) {
    // The program that is asked for says more than the wording of the request.
    item.type = item.golds[0].substr(0, item.golds[0].find_first_of(" \t|;"));
  }
  return item;
}

absl::StatusOr<Item> DomainItem(const Json& json) {
  Item item;
  FOUNDRY_ASSIGN_OR_RETURN(item.question, Required(json, "prompt"));
  FOUNDRY_ASSIGN_OR_RETURN(item.must_contain, JsonStrings(json, "must_contain"));
  FOUNDRY_ASSIGN_OR_RETURN(item.golds, JsonStrings(json, "answers"));
  FOUNDRY_ASSIGN_OR_RETURN(item.matches, JsonString(json, "matches"));
  if (item.must_contain.empty() && item.golds.empty() && item.matches.empty()) {
    return absl::InvalidArgumentError(
        "has none of \"must_contain\" (texts), \"matches\" (a regular expression), \"answers\" "
        "(texts)");
  }
  if (!item.matches.empty()) {
    FOUNDRY_RETURN_IF_ERROR(Annotate(Pattern::Make(item.matches).status(), "\"matches\""));
  }
  FOUNDRY_RETURN_IF_ERROR(ReadCommonMembers(json, item));
  return item;
}

}  // namespace

absl::StatusOr<TestSet> HeldOutPairs(const std::vector<dataset::Pair>& pairs,
                                     const std::vector<dataset::Document>& documents,
                                     const std::string& split) {
  const bool unprobed = split == "dev_unprobed";
  if (!unprobed && split != "dev" && split != "test") {
    return absl::InvalidArgumentError(
        absl::StrCat("split must be dev, dev_unprobed or test, not \"", split, "\""));
  }
  const dataset::Topics topics(documents);
  TestSet set;
  set.name = "heldout_pairs";
  set.kind = TaskKind::kHeldOut;
  std::vector<dataset::Pair> chosen;
  for (const dataset::Pair& pair : pairs) {
    if (pair.split == (unprobed ? "dev" : split) &&
        !absl::StripAsciiWhitespace(pair.target).empty()) {
      chosen.push_back(pair);
    }
  }
  if (unprobed) {
    const auto rest = std::stable_partition(chosen.begin(), chosen.end(), [](const auto& pair) {
      return !dataset::MayBeProbed(pair.input);
    });
    if (rest != chosen.begin()) chosen.erase(rest, chosen.end());
  }
  dataset::AssignIds(chosen);
  // Several answers to a question, each by another teacher, are right answers to one question.
  std::map<std::string, size_t> place;
  for (const dataset::Pair& pair : chosen) {
    const auto [known, is_new] = place.emplace(dataset::QuestionKey(pair), set.items.size());
    if (!is_new) {
      std::vector<std::string>& golds = set.items[known->second].golds;
      if (std::find(golds.begin(), golds.end(), pair.target) == golds.end()) {
        golds.push_back(pair.target);
      }
      continue;
    }
    Item item;
    item.id = pair.id;
    item.kind = set.kind;
    item.question = pair.input;
    item.topic = topics.Of(pair.source.document);
    item.document = item.topic;  // for people: ids may be hashes
    item.type = pair.type.empty() ? QuestionType(pair.input) : pair.type;
    item.passage = pair.source.passage;
    item.golds = {pair.target};
    set.items.push_back(std::move(item));
  }
  set.available = static_cast<int64_t>(set.items.size());
  return set;
}

absl::StatusOr<TestSet> ReadQaSet(const std::filesystem::path& path) {
  return ReadSet(path, TaskKind::kQa, QaItem);
}
absl::StatusOr<TestSet> ReadCommandSet(const std::filesystem::path& path) {
  return ReadSet(path, TaskKind::kCommand, CommandItem);
}
absl::StatusOr<TestSet> ReadDomainSet(const std::filesystem::path& path) {
  return ReadSet(path, TaskKind::kDomain, DomainItem);
}

void Sample(int64_t max_samples, TestSet& set) {
  if (max_samples <= 0 || static_cast<int64_t>(set.items.size()) <= max_samples) return;
  std::vector<std::pair<std::string, size_t>> order;
  for (size_t i = 0; i < set.items.size(); ++i) {
    order.emplace_back(Sha256Hex(set.items[i].id + "\n" + set.items[i].question), i);
  }
  std::sort(order.begin(), order.end());
  order.resize(max_samples);
  std::set<size_t> keep;
  for (const auto& [hash, i] : order) keep.insert(i);
  std::vector<Item> kept;
  for (size_t i : keep) kept.push_back(std::move(set.items[i]));
  set.items = std::move(kept);
}

}  // namespace foundry::evaluator
