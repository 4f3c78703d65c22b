#include "services/evaluator/report/svg.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/evaluator/report/html.h"

namespace foundry::evaluator {
namespace {

std::string F(double value) { return absl::StrFormat("%.1f", value); }

std::string ValueText(double value, bool percent) {
  return percent ? PercentText(value) : NumberText(value);
}

// Axis labels carry no more digits than the steps need.
std::string TickText(double value, bool percent) {
  if (percent) return absl::StrFormat("%.0f\u202f%%", 100 * value);
  if (std::fabs(value) >= 10000) return absl::StrFormat("%gk", value / 1000);
  return absl::StrFormat("%g", std::round(value * 1e9) / 1e9);
}

std::string Open(double width, double height, const std::string& title) {
  return absl::StrCat("<svg class=\"chart\" role=\"img\" aria-label=\"", Escape(title),
                      "\" viewBox=\"0 0 ", F(width), " ", F(height),
                      "\" style=\"max-width:", F(width), "px\">\n");
}

std::string Text(double x, double y, const char* css, const std::string& text) {
  return absl::StrCat("<text x=\"", F(x), "\" y=\"", F(y), "\" class=\"", css, "\">", Escape(text),
                      "</text>\n");
}

std::string Stroke(double x1, double y1, double x2, double y2, const char* css) {
  return absl::StrCat("<line x1=\"", F(x1), "\" y1=\"", F(y1), "\" x2=\"", F(x2), "\" y2=\"", F(y2),
                      "\" class=\"", css, "\"/>\n");
}

std::string Tooltip(const BarChart& chart, const BarGroup& group, size_t s, const Bar& bar) {
  std::string text =
      absl::StrCat(group.label, ", ", chart.series[s], ": ", ValueText(bar.value, chart.percent));
  if (bar.has_interval) {
    absl::StrAppend(&text, " (95\u202f% interval ", ValueText(bar.low, chart.percent), " to ",
                    ValueText(bar.high, chart.percent), ")");
  }
  if (!bar.note.empty()) absl::StrAppend(&text, ", ", bar.note);
  return absl::StrCat("<title>", Escape(text), "</title>");
}

double TopOf(const BarChart& chart) {
  double top = chart.max;
  for (const BarGroup& group : chart.groups) {
    for (const auto& bar : group.bars) {
      if (bar) top = std::max({top, bar->value, bar->has_interval ? bar->high : 0});
    }
  }
  return top > 0 ? top : 1;
}

// Estimated: digits and letters of the page's fonts at 12 px are about 6.6 px wide.
double TextWidth(const std::string& text) {
  const auto characters = std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  });
  return 6.6 * static_cast<double>(characters);
}

std::string Shortened(const std::string& text, size_t most) {
  // Cuts at a character's first byte, never inside one.
  if (text.size() <= most) return text;
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

// A bar whose far end is round, whose foot is square.
std::string Upright(double x, double y, double width, double height, int color) {
  const double r = std::min({4.0, width / 2, height});
  return absl::StrCat("<path class=\"c", color, "\" d=\"M", F(x), " ", F(y + height), "V", F(y + r),
                      "Q", F(x), " ", F(y), " ", F(x + r), " ", F(y), "H", F(x + width - r), "Q",
                      F(x + width), " ", F(y), " ", F(x + width), " ", F(y + r), "V", F(y + height),
                      "Z\"/>");
}

std::string Lying(double x, double y, double width, double height, int color) {
  const double r = std::min({3.0, height / 2, width});
  return absl::StrCat("<path class=\"c", color, "\" d=\"M", F(x), " ", F(y), "H", F(x + width - r),
                      "Q", F(x + width), " ", F(y), " ", F(x + width), " ", F(y + r), "V",
                      F(y + height - r), "Q", F(x + width), " ", F(y + height), " ",
                      F(x + width - r), " ", F(y + height), "H", F(x), "Z\"/>");
}

}  // namespace

std::vector<double> Ticks(double low, double high, int about) {
  if (!(high > low)) high = low + 1;
  const double rough = (high - low) / std::max(1, about);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = power;
  for (double factor : {1.0, 2.0, 2.5, 5.0, 10.0}) {
    step = factor * power;
    if (step >= rough * 0.999) break;
  }
  std::vector<double> ticks;
  for (double tick = std::floor(low / step) * step; tick < high + step * 0.999; tick += step) {
    ticks.push_back(tick);
  }
  return ticks;
}

std::string Legend(const std::vector<std::string>& names, const std::vector<int>& colors) {
  std::string html = "<div class=\"legend\">";
  for (size_t i = 0; i < names.size(); ++i) {
    absl::StrAppend(&html, "<span><i class=\"c", colors[i], "\"></i>", Escape(names[i]), "</span>");
  }
  return absl::StrCat(html, "</div>\n");
}

std::string ColumnChart(const BarChart& chart) {
  const double left = 52, right = 12, top = 22, plot = 230, bottom = 46;
  const size_t n = std::max<size_t>(1, chart.series.size());
  const double bar = 46, gap = 10, margin = 34;
  double group_width = n * bar + (n - 1) * gap + 2 * margin;
  for (const BarGroup& group : chart.groups) {
    group_width = std::max(group_width, TextWidth(group.sublabel) + 16);
  }
  const double width = std::max(480.0, left + right + group_width * chart.groups.size());
  const double pitch = (width - left - right) / std::max<size_t>(1, chart.groups.size());
  std::vector<double> ticks = Ticks(0, TopOf(chart), 5);
  if (chart.percent && ticks.back() > 1)
    ticks.erase(std::upper_bound(ticks.begin(), ticks.end(), 1.0001), ticks.end());
  const double scale_top =
      std::max(ticks.back(), chart.percent ? std::min(1.0, TopOf(chart)) : TopOf(chart));
  const auto y_of = [&](double value) { return top + plot * (1 - value / scale_top); };

  std::string svg = Open(width, top + plot + bottom, chart.title);
  for (double tick : ticks) {
    svg += Stroke(left, y_of(tick), width - right, y_of(tick), tick == 0 ? "axis" : "grid");
    svg += Text(left - 8, y_of(tick) + 4, "tick end", TickText(tick, chart.percent));
  }
  for (size_t g = 0; g < chart.groups.size(); ++g) {
    const BarGroup& group = chart.groups[g];
    const double center = left + pitch * (g + 0.5);
    double x = center - (n * bar + (n - 1) * gap) / 2;
    for (size_t s = 0; s < group.bars.size(); ++s, x += bar + gap) {
      if (!group.bars[s]) continue;
      const Bar& value = *group.bars[s];
      const double y = y_of(value.value), middle = x + bar / 2;
      absl::StrAppend(
          &svg, "<g>", Tooltip(chart, group, s, value),
          Upright(x, std::min(y, y_of(0) - 1), bar, std::max(1.0, y_of(0) - y), chart.colors[s]));
      double label_y = y - 7;
      if (value.has_interval) {
        svg += Stroke(middle, y_of(value.low), middle, y_of(value.high), "whisker");
        for (double end : {value.low, value.high})
          svg += Stroke(middle - 5, y_of(end), middle + 5, y_of(end), "whisker");
        label_y = y_of(value.high) - 7;
      }
      svg += Text(middle, label_y, "value mid", ValueText(value.value, chart.percent));
      svg += "</g>\n";
    }
    svg += Text(center, top + plot + 20, "label mid", Shortened(group.label, 40));
    svg += Text(center, top + plot + 37, "tick mid", group.sublabel);
  }
  return svg + "</svg>\n";
}

std::string RowChart(const BarChart& chart) {
  const size_t n = std::max<size_t>(1, chart.series.size());
  const double bar = 11, gap = 3, padding = 9;
  const double left = 190, right = 78, top = 6, bottom = 26, width = 760;
  const bool two_lines = std::any_of(chart.groups.begin(), chart.groups.end(),
                                     [](const BarGroup& group) { return !group.sublabel.empty(); });
  const double pitch = std::max(n * (bar + gap) - gap + 2 * padding, two_lines ? 40.0 : 0.0);
  const double plot = width - left - right, height = pitch * chart.groups.size();
  std::vector<double> ticks = Ticks(0, TopOf(chart), 5);
  if (chart.percent && ticks.back() > 1)
    ticks.erase(std::upper_bound(ticks.begin(), ticks.end(), 1.0001), ticks.end());
  const double scale_top =
      std::max(ticks.back(), chart.percent ? std::min(1.0, TopOf(chart)) : TopOf(chart));
  const auto x_of = [&](double value) { return left + plot * value / scale_top; };

  std::string svg = Open(width, top + height + bottom, chart.title);
  for (double tick : ticks) {
    svg += Stroke(x_of(tick), top, x_of(tick), top + height, tick == 0 ? "axis" : "grid");
    svg += Text(x_of(tick), top + height + 17, "tick mid", TickText(tick, chart.percent));
  }
  for (size_t g = 0; g < chart.groups.size(); ++g) {
    const BarGroup& group = chart.groups[g];
    const double group_top = top + pitch * g, middle = group_top + pitch / 2;
    svg += Text(left - 10, middle + (group.sublabel.empty() ? 4 : -2), "label end",
                Shortened(group.label, 28));
    if (!group.sublabel.empty()) svg += Text(left - 10, middle + 13, "tick end", group.sublabel);
    double y = middle - (n * (bar + gap) - gap) / 2;
    for (size_t s = 0; s < group.bars.size(); ++s, y += bar + gap) {
      if (!group.bars[s]) continue;
      const Bar& value = *group.bars[s];
      absl::StrAppend(
          &svg, "<g>", Tooltip(chart, group, s, value),
          Lying(left, y, std::max(1.0, x_of(value.value) - left), bar, chart.colors[s]));
      double text_x = x_of(value.value) + 6;
      if (value.has_interval) {
        svg += Stroke(x_of(value.low), y + bar / 2, x_of(value.high), y + bar / 2, "whisker");
        text_x = x_of(value.high) + 6;
      }
      svg += Text(text_x, y + bar / 2 + 3.5, "small", ValueText(value.value, chart.percent));
      svg += "</g>\n";
    }
  }
  return svg + "</svg>\n";
}

std::string LineChart(const LineChartSpec& chart) {
  const double left = 58, top = 12, plot_height = 210, bottom = 44, width = 760;
  double right = 40;
  for (const Line& line : chart.lines) right = std::max(right, TextWidth(line.name) + 16);
  const double plot = width - left - right;
  double x_max = 1, y_min = 0, y_max = 0, x_min = 1e300;
  for (const Line& line : chart.lines) {
    for (const auto& [x, y] : line.points) {
      x_max = std::max(x_max, x);
      x_min = std::min(x_min, x);
      y_min = std::min(y_min, y);
      y_max = std::max(y_max, y);
    }
  }
  x_min = std::min(x_min, 0.0);
  const std::vector<double> y_ticks = Ticks(y_min, y_max, 5);
  const auto x_of = [&](double x) {
    return left + plot * (x - x_min) / std::max(1e-12, x_max - x_min);
  };
  const auto y_of = [&](double y) {
    return top + plot_height * (1 - (y - y_ticks.front()) / (y_ticks.back() - y_ticks.front()));
  };
  std::string svg = Open(width, top + plot_height + bottom, chart.title);
  for (double tick : y_ticks) {
    svg += Stroke(left, y_of(tick), left + plot, y_of(tick),
                  tick == y_ticks.front() ? "axis" : "grid");
    svg += Text(left - 8, y_of(tick) + 4, "tick end", TickText(tick, chart.percent));
  }
  for (double tick : Ticks(x_min, x_max, 6)) {
    if (tick > x_max * 1.001 || tick != std::floor(tick)) continue;
    svg += Text(x_of(tick), top + plot_height + 18, "tick mid", TickText(tick, false));
  }
  svg += Text(left + plot / 2, top + plot_height + 37, "tick mid", chart.x_label);
  std::vector<double> taken;  // heights of names at the right edge
  for (const Line& line : chart.lines) {
    if (line.points.empty()) continue;
    std::string path;
    for (const auto& [x, y] : line.points) {
      absl::StrAppend(&path, path.empty() ? "M" : "L", F(x_of(x)), " ", F(y_of(y)));
    }
    absl::StrAppend(&svg, "<path class=\"line s", line.color, "\" d=\"", path, "\"><title>",
                    Escape(line.name), "</title></path>\n");
    if (line.dots) {
      for (const auto& [x, y] : line.points) {
        absl::StrAppend(&svg, "<circle class=\"dot c", line.color, "\" cx=\"", F(x_of(x)),
                        "\" cy=\"", F(y_of(y)), "\" r=\"4\"><title>",
                        Escape(absl::StrCat(line.name, ", ", chart.x_label, " ", NumberText(x),
                                            ": ", ValueText(y, chart.percent))),
                        "</title></circle>\n");
      }
    }
    double y = y_of(line.points.back().second) + 4;
    for (double other : taken) {
      if (std::fabs(other - y) < 13) y = other + 13;
    }
    taken.push_back(y);
    svg += Text(x_of(line.points.back().first) + 8, y, "small", line.name);
  }
  return svg + "</svg>\n";
}

}  // namespace foundry::evaluator
