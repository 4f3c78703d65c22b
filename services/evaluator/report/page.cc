#include "services/evaluator/report/page.h"

#include "absl/strings/str_cat.h"
#include "services/evaluator/report/html.h"
#include "services/evaluator/report/sections.h"
#include "services/evaluator/report/style.h"

namespace foundry::evaluator {

std::string RenderReport(const ReportInput& input, const Json& results) {
  const std::string title = Escape(input.title.empty() ? "Evaluation" : input.title);
  return absl::StrCat(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
      title, ": what the model learned</title>\n<style>", kReportStyle,
      "</style>\n</head>\n<body>\n<main>\n<header>\n<p class=\"kicker\">Foundry "
      "evaluation</p>\n<h1>",
      title, "</h1>\n</header>\n", HeadlineSection(results), BeforeAfterSection(results),
      DifferenceSection(results), TypeSection(results), ErrorSection(results),
      ExampleSection(input, results), CurveSection(input.curves), SpeedSection(results),
      AdviceSection(results), RunSection(results), MethodSection(results),
      "<footer>Made by Foundry. All figures are in evaluation_results.json beside this "
      "page.</footer>\n"
      "</main>\n</body>\n</html>\n");
}

}  // namespace foundry::evaluator
