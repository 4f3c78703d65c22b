// By type and document, mistakes, examples.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/evaluator/metrics/errors.h"
#include "services/evaluator/report/html.h"
#include "services/evaluator/report/sections.h"
#include "services/evaluator/report/svg.h"

namespace foundry::evaluator {
namespace {

constexpr size_t kMostGroups = 12;  // of a chart; the table has all
constexpr size_t kMostExamples = 12;
constexpr size_t kMostText = 240;  // bytes of an answer in the table

std::vector<std::string> Labels(const Json& results, const Json& set) {
  std::vector<std::string> labels;
  for (const Json& label : results["models"]) {
    if (set["models"].contains(label.get<std::string>())) labels.push_back(label);
  }
  return labels;
}

// Groups (types or documents) by number of questions, most first.
std::vector<std::pair<std::string, int64_t>> GroupsOf(const Json& set, const char* by) {
  std::map<std::string, int64_t> sizes;
  for (const auto& [label, summary] : set["models"].items()) {
    for (const auto& [name, group] : summary[by].items()) {
      sizes[name] = std::max(sizes[name], group["questions"].get<int64_t>());
    }
  }
  std::vector<std::pair<std::string, int64_t>> groups(sizes.begin(), sizes.end());
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return groups;
}

std::string GroupFigure(const Json& results, const Json& set, const char* by,
                        const std::string& heading) {
  const std::vector<std::pair<std::string, int64_t>> groups = GroupsOf(set, by);
  if (groups.size() < 2) return "";
  const std::string primary = set["primary"];
  BarChart chart;
  chart.title = absl::StrCat(heading, " on ", set["name"].get<std::string>());
  const std::vector<std::string> labels = Labels(results, set);
  for (const std::string& label : labels) {
    chart.series.push_back(ModelName(label));
    chart.colors.push_back(ModelColor(label));
  }
  for (size_t i = 0; i < std::min(groups.size(), kMostGroups); ++i) {
    BarGroup group;
    group.label = groups[i].first;
    group.sublabel =
        absl::StrCat(groups[i].second, groups[i].second == 1 ? " question" : " questions");
    for (const std::string& label : labels) {
      const Json& all = set["models"][label][by];
      if (!all.contains(group.label)) {
        group.bars.push_back(std::nullopt);
        continue;
      }
      const Json& value = all[group.label][primary];
      group.bars.push_back(
          Bar{value["mean"], value["low"], value["high"], value["n"].get<int64_t>() > 1, ""});
    }
    chart.groups.push_back(std::move(group));
  }
  std::string caption = absl::StrCat(MetricName(primary), " with 95\u202f% intervals");
  if (groups.size() > kMostGroups) {
    absl::StrAppend(&caption, "; the ", kMostGroups, " largest of ", groups.size(), " groups");
  }
  return absl::StrCat("<h3>", Escape(set["name"].get<std::string>()), ": ", Escape(heading),
                      "</h3>\n<figure>", Legend(chart.series, chart.colors), RowChart(chart),
                      "<figcaption>", Escape(caption), ".</figcaption></figure>\n");
}

std::string Mark(const Scored& scored) {
  return scored.correct ? "<span class=\"mark right\">✓</span>"
                        : "<span class=\"mark wrong\">✗</span>";
}

std::string Clipped(const std::string& text) {
  if (text.size() <= kMostText) return Escape(text);
  size_t end = kMostText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return absl::StrCat(Escape(text.substr(0, end)), "…");
}

using Rows = std::map<std::pair<std::string, std::string>, std::map<std::string, const Scored*>>;

// Questions that the model gained, still misses, and lost, in turn and spread over the documents.
std::vector<std::pair<std::string, std::string>> ChooseExamples(const Rows& rows,
                                                                const std::string& before,
                                                                const std::string& after) {
  std::vector<std::pair<std::string, std::string>> gained, missed, lost, kept;
  for (const auto& [key, by_label] : rows) {
    const auto b = by_label.find(before), a = by_label.find(after);
    if (a == by_label.end()) continue;
    const bool was = b != by_label.end() && b->second->correct;
    (a->second->correct ? (was ? kept : gained) : (was ? lost : missed)).push_back(key);
  }
  std::vector<std::pair<std::string, std::string>> chosen;
  const auto take = [&](const auto& list, size_t most) {
    const size_t n = std::min(most, list.size());
    for (size_t i = 0; i < n; ++i) chosen.push_back(list[i * list.size() / n]);
  };
  take(gained, kMostExamples / 2);
  take(missed, 4);
  take(lost, 2);
  if (chosen.size() < kMostExamples) take(kept, std::min<size_t>(2, kMostExamples - chosen.size()));
  return chosen;
}

}  // namespace

std::string TypeSection(const Json& results) {
  std::string html;
  for (const Json& set : results["datasets"]) {
    html += GroupFigure(results, set, "by_type",
                        set["kind"] == "commands" ? "by program" : "by question type");
    html += GroupFigure(results, set, "by_document", "by document");
  }
  return html.empty() ? "" : absl::StrCat("<h2>Where it knows, where it does not</h2>\n", html);
}

std::string ErrorSection(const Json& results) {
  std::string html;
  for (const Json& set : results["datasets"]) {
    const std::vector<std::string> labels = Labels(results, set);
    std::map<std::string, int64_t> totals;
    for (const std::string& label : labels) {
      for (const auto& [kind, error] : set["models"][label]["errors"].items()) {
        totals[kind] += error["count"].get<int64_t>();
      }
    }
    if (totals.empty()) continue;
    std::vector<std::pair<std::string, int64_t>> kinds(totals.begin(), totals.end());
    std::stable_sort(kinds.begin(), kinds.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    BarChart chart;
    chart.title = absl::StrCat("Kinds of mistakes on ", set["name"].get<std::string>());
    for (const std::string& label : labels) {
      chart.series.push_back(ModelName(label));
      chart.colors.push_back(ModelColor(label));
    }
    for (const auto& [kind, total] : kinds) {
      BarGroup group;
      group.label = ErrorLabelOf(kind);
      for (const std::string& label : labels) {
        const Json& errors = set["models"][label]["errors"];
        const double share = errors.contains(kind) ? errors[kind]["share"].get<double>() : 0;
        const int64_t count = errors.contains(kind) ? errors[kind]["count"].get<int64_t>() : 0;
        group.bars.push_back(Bar{share, 0, 0, false, absl::StrCat(count, " answers")});
      }
      chart.groups.push_back(std::move(group));
    }
    absl::StrAppend(&html, "<h3>", Escape(set["name"].get<std::string>()), "</h3>\n<figure>",
                    Legend(chart.series, chart.colors), RowChart(chart),
                    "<figcaption>Share of all answers.</figcaption></figure>\n");
  }
  return html.empty() ? "" : absl::StrCat("<h2>Kinds of mistakes</h2>\n", html);
}

std::string ExampleSection(const ReportInput& input, const Json& results) {
  std::vector<std::string> labels;
  for (const Json& label : results["models"]) {
    if (label != "teacher" && label != "previous") labels.push_back(label);
  }
  if (labels.empty()) return "";
  std::string html;
  for (const Json& set : results["datasets"]) {
    Rows rows;
    for (const Evaluation& evaluation : input.evaluations) {
      for (const Scored& scored : evaluation.answers) {
        if (scored.dataset == set["name"].get<std::string>()) {
          rows[{scored.item.document, scored.item.id}][evaluation.label] = &scored;
        }
      }
    }
    std::vector<TableColumn> columns = {{"Question"}, {"Right answer"}};
    for (const std::string& label : labels) columns.push_back({ModelName(label)});
    std::vector<std::vector<std::string>> cells;
    for (const auto& key : ChooseExamples(rows, labels.front(), labels.back())) {
      const auto& by_label = rows[key];
      const Scored& any = *by_label.begin()->second;
      const std::vector<std::string>& due =
          any.item.golds.empty() ? any.item.must_contain : any.item.golds;
      std::vector<std::string> row = {
          absl::StrCat(Clipped(any.item.question), any.item.document.empty() ? "" : "<small>",
                       Escape(any.item.document), any.item.document.empty() ? "" : "</small>"),
          Clipped(due.empty() ? any.item.matches : due.front())};
      for (const std::string& label : labels) {
        const auto found = by_label.find(label);
        if (found == by_label.end()) {
          row.push_back("–");
          continue;
        }
        const Scored& scored = *found->second;
        const std::string note =
            scored.correct
                ? ""
                : absl::StrCat("<small>", Escape(ErrorLabelOf(scored.error)), "</small>");
        row.push_back(absl::StrCat(
            Mark(scored), Clipped(scored.command.empty() ? scored.prediction : scored.command),
            note));
      }
      cells.push_back(std::move(row));
    }
    if (cells.empty()) continue;
    absl::StrAppend(&html, "<h3>", Escape(set["name"].get<std::string>()), "</h3>\n",
                    TableHtml(columns, cells, "examples"));
  }
  if (html.empty()) return "";
  return absl::StrCat(
      "<h2>In its own words</h2>\n<p class=\"caption\">Answers gained, missed and lost, spread "
      "over the documents; not chosen by hand.</p>\n",
      html);
}

}  // namespace foundry::evaluator
