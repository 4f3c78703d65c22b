// Headline, before and after, differences.
#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/evaluator/report/html.h"
#include "services/evaluator/report/sections.h"
#include "services/evaluator/report/svg.h"

namespace foundry::evaluator {
namespace {

bool HasModel(const Json& set, const std::string& label) { return set["models"].contains(label); }

// The model that the pipeline made: the last one that it kept.
std::string Student(const Json& results) {
  std::string student;
  for (const Json& model : results["models"]) {
    if (model == "distilled" || model == "self_study") student = model;
  }
  if (student.empty() && !results["models"].empty()) student = results["models"].back();
  return student;
}

const Json& Primary(const Json& set, const std::string& label) {
  return set["models"][label]["metrics"][set["primary"].get<std::string>()];
}

bool HasPrimary(const Json& set, const std::string& label) {
  return HasModel(set, label) &&
         set["models"][label]["metrics"].contains(set["primary"].get<std::string>());
}

std::string IntervalText(const Json& interval) {
  return absl::StrCat(PercentText(interval["low"]), " to ", PercentText(interval["high"]));
}

std::string Questions(int64_t n) { return absl::StrCat(n, n == 1 ? " question" : " questions"); }

std::string KindText(const Json& set) {
  const std::string kind = set["kind"];
  if (kind == "heldout") return "other wordings of trained facts, kept out of training";
  if (kind == "commands") return "shell commands from descriptions";
  if (kind == "domain") return "tests of the user's own";
  return "questions that people wrote, never trained on";
}

std::string Tile(const Json& set, const std::string& before, const std::string& after) {
  const bool compared = before != after && HasPrimary(set, before);
  std::string figure =
      compared ? absl::StrCat("<small>", PercentText(Primary(set, before)["mean"]), " → </small>")
               : "";
  absl::StrAppend(&figure, PercentText(Primary(set, after)["mean"]));
  return absl::StrCat("<div class=\"tile\"><span class=\"name\">",
                      Escape(set["name"].get<std::string>()), "</span><b>", figure, "</b><span>",
                      Escape(MetricName(set["primary"])), ", ", Questions(set["questions"]),
                      "<br>95\u202f% interval ", IntervalText(Primary(set, after)),
                      "</span></div>\n");
}

std::string Lead(const Json& set, const std::string& before, const std::string& after) {
  std::string text = absl::StrCat(
      "On ", Escape(set["name"].get<std::string>()), " (", set["questions"].get<int64_t>(), " ",
      KindText(set), ") the model ", after == "self_study" ? "after self-study" : "made here",
      " reaches ", PercentText(Primary(set, after)["mean"]));
  if (before != after && HasPrimary(set, before)) {
    absl::StrAppend(&text, ", the base model ", PercentText(Primary(set, before)["mean"]));
  }
  return absl::StrCat("<p class=\"lead\">", text, ".</p>\n");
}

std::string SortKey(const std::string& metric, const std::string& primary) {
  static constexpr std::array<const char*, 14> kOrder = {
      "contains", "score",      "pass",     "number",  "exact",    "f1",  "recall",
      "rouge_l",  "similarity", "token_f1", "utility", "template", "llm", "custom"};
  if (metric == primary) return "";
  const auto found = std::find(kOrder.begin(), kOrder.end(), metric);
  return absl::StrFormat("%02d %s", static_cast<int>(found - kOrder.begin()), metric);
}

std::string MetricTable(const Json& set, const Json& labels) {
  const std::string primary = set["primary"];
  std::vector<std::string> metrics;
  std::vector<TableColumn> columns = {{"", false}};
  for (const Json& label : labels) {
    if (!HasModel(set, label)) continue;
    columns.push_back({ModelName(label), true});
    for (const auto& [metric, value] : set["models"][label.get<std::string>()]["metrics"].items()) {
      if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end())
        metrics.push_back(metric);
    }
  }
  std::sort(metrics.begin(), metrics.end(), [&](const std::string& a, const std::string& b) {
    return SortKey(a, primary) < SortKey(b, primary);
  });
  std::vector<std::vector<std::string>> rows;
  for (const std::string& metric : metrics) {
    std::vector<std::string> row = {Escape(MetricName(metric))};
    for (const Json& label : labels) {
      if (!HasModel(set, label)) continue;
      const Json& values = set["models"][label.get<std::string>()]["metrics"];
      row.push_back(values.contains(metric)
                        ? absl::StrCat(PercentText(values[metric]["mean"]), "<small>",
                                       IntervalText(values[metric]), "</small>")
                        : "–");
    }
    rows.push_back(std::move(row));
  }
  return TableHtml(columns, rows);
}

}  // namespace

int ModelColor(const std::string& label) {
  if (label == "self_study_not_kept") return ModelColor("self_study");
  static constexpr std::array<const char*, 5> kLabels = {"base", "distilled", "self_study",
                                                         "teacher", "previous"};
  return static_cast<int>(std::find(kLabels.begin(), kLabels.end(), label) - kLabels.begin());
}

std::string HeadlineSection(const Json& results) {
  const std::string student = Student(results);
  const std::string before = "base";
  std::string tiles, lead;
  for (const Json& set : results["datasets"]) {
    if (!HasPrimary(set, student)) continue;
    // People's questions lead; the teacher's own come after them.
    if (lead.empty() || set["kind"] == "qa") {
      if (lead.empty() || lead.find("never trained on") == std::string::npos) {
        lead = Lead(set, before, student);
      }
    }
    tiles += Tile(set, before, student);
  }
  if (tiles.empty())
    return "<p class=\"lead\">No question was asked: there is nothing to compare.</p>\n";
  return absl::StrCat(lead, "<div class=\"tiles\">", tiles, "</div>\n");
}

std::string BeforeAfterSection(const Json& results) {
  const Json& labels = results["models"];
  if (results["datasets"].empty()) return "";
  BarChart chart;
  chart.title = "Score of each model on each data set";
  for (const Json& label : labels) {
    chart.series.push_back(ModelName(label));
    chart.colors.push_back(ModelColor(label));
  }
  std::string tables;
  for (const Json& set : results["datasets"]) {
    BarGroup group;
    group.label = set["name"];
    group.sublabel = absl::StrCat(MetricName(set["primary"]), ", ", Questions(set["questions"]));
    for (const Json& label : labels) {
      if (!HasPrimary(set, label)) {
        group.bars.push_back(std::nullopt);
        continue;
      }
      const Json& value = Primary(set, label);
      group.bars.push_back(Bar{value["mean"], value["low"], value["high"], true, ""});
    }
    chart.groups.push_back(std::move(group));
    absl::StrAppend(&tables, "<h3>", Escape(set["name"].get<std::string>()),
                    "</h3>\n<p class=\"caption\">", set["questions"].get<int64_t>(), " ",
                    KindText(set), ".</p>\n", MetricTable(set, labels));
  }
  return absl::StrCat(
      "<h2>Before and after</h2>\n<figure>", Legend(chart.series, chart.colors), ColumnChart(chart),
      "<figcaption>Whiskers are 95\u202f% confidence intervals.</figcaption></figure>\n", tables);
}

std::string DifferenceSection(const Json& results) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::vector<std::string>> unknown;
  for (const Json& set : results["datasets"]) {
    for (const Json& c : set["comparisons"]) {
      const Json& d = c["difference"];
      const double low = d["low"], high = d["high"];
      const char* css = low > 0 ? "up" : high < 0 ? "down" : "";
      rows.push_back({absl::StrCat(Escape(set["name"].get<std::string>()), "<small>",
                                   Escape(ModelName(c["before"])), " → ",
                                   Escape(ModelName(c["after"])), "</small>"),
                      absl::StrCat("<span class=\"", css, "\">", PointsText(d["mean"]), "</span>"),
                      absl::StrCat(PointsText(low), " to ", PointsText(high)),
                      absl::StrFormat("%d", c["gained"].get<int64_t>()),
                      absl::StrFormat("%d", c["lost"].get<int64_t>()),
                      c["p_value"].get<double>() < 0.001
                          ? "&lt; 0.001"
                          : absl::StrFormat("%.3f", c["p_value"].get<double>())});
    }
    for (const auto& [label, value] : set["unknown_to_base"].items()) {
      unknown.push_back({absl::StrCat(Escape(set["name"].get<std::string>()), "<small>",
                                      Escape(ModelName(label)), "</small>"),
                         PercentText(value["mean"]), IntervalText(value),
                         absl::StrFormat("%d", value["n"].get<int64_t>())});
    }
  }
  if (rows.empty()) return "";
  std::string html = absl::StrCat(
      "<h2>How sure is the difference?</h2>\n<p class=\"caption\">The same questions, paired: the "
      "mean "
      "change in percentage points, from 2,000 bootstrap resamples of the questions.</p>\n",
      TableHtml({{"", false},
                 {"Change", true},
                 {"95 % interval", true},
                 {"Gained", true},
                 {"Lost", true},
                 {"p", true}},
                rows));
  if (!unknown.empty()) {
    absl::StrAppend(
        &html, "<h3>On the questions that the base model could not answer</h3>\n",
        TableHtml({{"", false}, {"Score", true}, {"95 % interval", true}, {"Questions", true}},
                  unknown));
  }
  return html;
}

}  // namespace foundry::evaluator
