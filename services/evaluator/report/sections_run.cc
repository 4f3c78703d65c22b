// Training curves, speed, advice, the run itself.
#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "services/evaluator/report/html.h"
#include "services/evaluator/report/sections.h"
#include "services/evaluator/report/svg.h"

namespace foundry::evaluator {
namespace {

constexpr size_t kMostPoints = 240;

struct CurveKind {
  std::vector<const char*> names;  // in metrics.jsonl; the first one found is drawn
  const char* heading;
  const char* y_label;
  bool percent;
  bool dots;
};

// Every run as one line; runs come in the order of their labels, distillation first.
std::string CurveFigure(const std::vector<Curve>& curves, const CurveKind& kind) {
  LineChartSpec chart;
  chart.title = kind.heading;
  chart.x_label = "optimizer step";
  chart.y_label = kind.y_label;
  chart.percent = kind.percent;
  int color = 1;
  size_t longest = 0;
  for (const Curve& curve : curves) {
    for (const char* name : kind.names) {
      const auto found = curve.series.find(name);
      if (found == curve.series.end()) continue;
      chart.lines.push_back({absl::StrReplaceAll(curve.label, {{"_", " "}}), color,
                             Thinned(found->second, kMostPoints), kind.dots});
      longest = std::max(longest, found->second.size());
      break;
    }
    color = color % 5 + 1;
  }
  if (longest < 2) return "";  // a single point is no curve
  return absl::StrCat("<h3>", kind.heading, "</h3>\n<figure>", LineChart(chart), "</figure>\n");
}

std::string SpeedFigure(const Json& results) {
  BarChart chart;
  chart.title = "Generated tokens per second";
  chart.percent = false;
  chart.series = {"tokens per second"};
  chart.colors = {1};
  for (const Json& label : results["models"]) {
    const auto speed = results["speed"].find(label.get<std::string>());
    if (speed == results["speed"].end()) continue;
    BarGroup group;
    group.label = ModelName(label);
    group.sublabel = absl::StrCat((*speed)["questions"].get<int64_t>(), " answers in ",
                                  NumberText((*speed)["seconds"]), " s");
    group.bars.push_back(Bar{(*speed)["tokens_per_second"], 0, 0, false, ""});
    chart.groups.push_back(std::move(group));
  }
  if (chart.groups.empty()) return "";
  return absl::StrCat(
      "<figure>", RowChart(chart),
      "<figcaption>Tokens written per second, all questions of a model together, on the machine "
      "that ran the evaluation.</figcaption></figure>\n");
}

std::string PerplexityTable(const Json& results) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& label : results["models"]) {
    const auto documents = results["documents"].find(label.get<std::string>());
    if (documents == results["documents"].end()) continue;
    rows.push_back({Escape(ModelName(label)), NumberText((*documents)["perplexity"]),
                    NumberText((*documents)["bits_per_byte"]),
                    absl::StrFormat("%d", (*documents)["tokens"].get<int64_t>())});
  }
  if (rows.empty()) return "";
  return absl::StrCat(
      "<h3>Perplexity on the documents</h3>\n<p class=\"caption\">How surprised a model is by the "
      "source text; "
      "lower is better. Bits per byte compare models of different vocabularies.</p>\n",
      TableHtml({{"", false}, {"Perplexity", true}, {"Bits per byte", true}, {"Tokens read", true}},
                rows));
}

// "teacher.near_duplicates" → "near duplicates", under its step.
std::string CountName(const std::string& name) {
  const size_t dot = name.rfind('.');
  return absl::StrReplaceAll(dot == std::string::npos ? name : name.substr(dot + 1), {{"_", " "}});
}

}  // namespace

std::string CurveSection(const std::vector<Curve>& curves) {
  static const std::vector<CurveKind> kKinds = {
      {{"loss", "train_loss"}, "Training loss", "loss", false, false},
      {{"validation_loss", "val_loss", "eval_loss"}, "Validation loss", "loss", false, true},
      {{"validation_score", "val_score", "score"}, "Validation score", "score", true, true},
      {{"learning_rate"}, "Learning rate", "rate", false, false},
      {{"tokens_per_second"}, "Training speed, tokens per second", "tokens/s", false, false}};
  std::string html;
  for (const CurveKind& kind : kKinds) html += CurveFigure(curves, kind);
  return html.empty() ? "" : absl::StrCat("<h2>Training</h2>\n", html);
}

std::string SpeedSection(const Json& results) {
  const std::string body = absl::StrCat(SpeedFigure(results), PerplexityTable(results));
  return body.empty() ? "" : absl::StrCat("<h2>Speed and fit</h2>\n", body);
}

std::string AdviceSection(const Json& results) {
  if (results["suggestions"].empty()) return "";
  std::string html = "<h2>What to try next</h2>\n<ol class=\"advice\">\n";
  for (const Json& item : results["suggestions"]) {
    absl::StrAppend(&html, "<li><b>", Escape(item["finding"].get<std::string>()), "</b> ",
                    Escape(item["advice"].get<std::string>()), "</li>\n");
  }
  return absl::StrCat(html, "</ol>\n");
}

std::string RunSection(const Json& results) {
  std::vector<std::vector<std::string>> rows;
  std::string step_before;
  for (const auto& [name, value] : results["counts"].items()) {
    const size_t dot = name.rfind('.');
    const std::string step = dot == std::string::npos ? "" : name.substr(0, dot);
    rows.push_back({step == step_before ? "" : Escape(absl::StrReplaceAll(step, {{"_", " "}})),
                    Escape(CountName(name)), absl::StrFormat("%d", value.get<int64_t>())});
    step_before = step;
  }
  std::string html;
  if (!rows.empty()) {
    absl::StrAppend(&html, "<details open><summary>What each step counted</summary>\n",
                    TableHtml({{"Step"}, {"Count"}, {"", true}}, rows), "</details>\n");
  }
  if (!results["warnings"].empty()) {
    absl::StrAppend(&html, "<details open><summary>Warnings (", results["warnings"].size(),
                    ")</summary>\n<ul class=\"plain\">\n");
    for (const Json& warning : results["warnings"]) {
      absl::StrAppend(&html, "<li>", Escape(warning.get<std::string>()), "</li>\n");
    }
    absl::StrAppend(&html, "</ul></details>\n");
  }
  return html.empty() ? "" : absl::StrCat("<h2>The run</h2>\n", html);
}

std::string MethodSection(const Json& results) {
  std::set<std::string> kinds;
  for (const Json& set : results["datasets"]) kinds.insert(set["kind"].get<std::string>());
  std::string html =
      "<h2>How this was measured</h2>\n<ul class=\"plain\">\n"
      "<li>Answers are greedy and closed-book: the model sees the question, and the name of its "
      "document, not the "
      "text. The teacher sees the text.</li>\n"
      "<li>Answers are normalised as in SQuAD: lower case, no punctuation, no articles. “Answer "
      "contained”: the "
      "normalised right answer stands inside the given one; numbers must stand whole. Word F1 and "
      "exact match are "
      "SQuAD v1.1’s.</li>\n"
      "<li>Intervals are 95\u202f%: Wilson’s for shares, a bootstrap over questions for means, "
      "both with a fixed "
      "seed.</li>\n";
  if (kinds.count("heldout") > 0) {
    absl::StrAppend(
        &html,
        "<li>Held-out pairs ask for trained facts in wordings that were kept out of training. An "
        "answer of a sentence’s length counts as right with 70\u202f% of its words.</li>\n");
  }
  if (kinds.count("commands") > 0) {
    absl::StrAppend(
        &html,
        "<li>Commands are compared token by token as the shell would read them; quoting and "
        "spacing do not matter.</li>\n");
  }
  return absl::StrCat(html, "</ul>\n");
}

}  // namespace foundry::evaluator
