#include "services/evaluator/summary.h"

#include <algorithm>
#include <map>

namespace foundry::evaluator {
namespace {

using Answers = std::vector<const Scored*>;

// Values of a metric; answers that a judge failed on are left out of that judge's metric only.
std::vector<double> ValuesOf(const Answers& answers, const std::string& metric) {
  std::vector<double> values;
  for (const Scored* scored : answers) {
    if (auto it = scored->scores.find(metric); it != scored->scores.end()) {
      values.push_back(it->second);
    }
  }
  return values;
}

std::map<std::string, Answers> GroupBy(const Answers& answers, std::string Item::*member) {
  std::map<std::string, Answers> groups;
  for (const Scored* scored : answers) {
    const std::string& key = scored->item.*member;
    groups[key.empty() ? "unknown" : key].push_back(scored);
  }
  return groups;
}

Json GroupSummaries(const Answers& answers, std::string Item::*member, const std::string& primary,
                    uint64_t seed) {
  Json groups = Json::object();
  for (const auto& [key, group] : GroupBy(answers, member)) {
    const std::vector<double> values = ValuesOf(group, primary);
    groups[key] = {{"questions", group.size()},
                   {"correct", std::count_if(group.begin(), group.end(),
                                             [](const Scored* s) { return s->correct; })},
                   {primary, ToJson(IntervalOf(values, seed), values.size())}};
  }
  return groups;
}

Json ErrorSummary(const Answers& answers) {
  std::map<std::string, Answers> kinds;
  for (const Scored* scored : answers) {
    if (!scored->error.empty()) kinds[scored->error].push_back(scored);
  }
  Json errors = Json::object();
  for (const auto& [kind, group] : kinds) {
    Json by_type = Json::object(), by_document = Json::object();
    for (const auto& [key, part] : GroupBy(group, &Item::type)) by_type[key] = part.size();
    for (const auto& [key, part] : GroupBy(group, &Item::document)) by_document[key] = part.size();
    errors[kind] = {{"count", group.size()},
                    {"share", static_cast<double>(group.size()) / answers.size()},
                    {"by_type", by_type},
                    {"by_document", by_document}};
  }
  return errors;
}

}  // namespace

Json ToJson(const Interval& interval, int64_t n) {
  return {{"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}, {"n", n}};
}

Interval IntervalOf(const std::vector<double>& values, uint64_t seed) {
  const bool proportion =
      std::all_of(values.begin(), values.end(), [](double v) { return v == 0 || v == 1; });
  if (!proportion) return BootstrapMean(values, seed);
  return WilsonInterval(std::count(values.begin(), values.end(), 1.0),
                        static_cast<int64_t>(values.size()));
}

Json Summarize(const std::string& name, const Answers& answers, uint64_t seed) {
  const TaskKind kind = answers.empty() ? TaskKind::kQa : answers[0]->item.kind;
  const std::string primary = PrimaryMetric(kind);
  std::map<std::string, int64_t> metrics, failures;
  int64_t correct = 0, truncated = 0, tokens = 0, answered = 0;
  for (const Scored* scored : answers) {
    for (const auto& [metric, value] : scored->scores) ++metrics[metric];
    for (const auto& [judge, reason] : scored->failures) ++failures[judge];
    answered += !Unanswered(*scored);
    correct += scored->correct;
    truncated += scored->truncated;
    tokens += scored->tokens;
  }
  Json values = Json::object();
  for (const auto& [metric, n] : metrics) {
    values[metric] = ToJson(IntervalOf(ValuesOf(answers, metric), seed), n);
  }
  const int64_t n = static_cast<int64_t>(answers.size());
  return {{"name", name},
          {"kind", KindName(kind)},
          {"primary", primary},
          {"questions", n},
          {"correct", correct},
          {"accuracy", ToJson(WilsonInterval(correct, answered), answered)},
          {"mean_answer_tokens", answered == 0 ? 0.0 : static_cast<double>(tokens) / answered},
          {"truncated", truncated},
          {"metrics", values},
          {"by_type", GroupSummaries(answers, &Item::type, primary, seed)},
          {"by_document", GroupSummaries(answers, &Item::document, primary, seed)},
          {"errors", ErrorSummary(answers)},
          {"judge_failures", failures}};
}

std::vector<Json> SummarizeAll(const std::vector<Scored>& answers, uint64_t seed) {
  std::vector<std::string> order;
  std::map<std::string, Answers> sets;
  for (const Scored& scored : answers) {
    Answers& group = sets[scored.dataset];
    if (group.empty()) order.push_back(scored.dataset);
    group.push_back(&scored);
  }
  std::vector<Json> summaries;
  for (const std::string& name : order) summaries.push_back(Summarize(name, sets[name], seed));
  return summaries;
}

}  // namespace foundry::evaluator
