// Charts as inline SVG. Colours are CSS classes (c0 … c5), so that the page's light, dark and print
// styles apply; every mark carries a <title>. Thread-safe (no state).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace foundry::evaluator {

struct Bar {
  double value = 0;
  double low = 0, high = 0;  // whisker
  bool has_interval = false;
  std::string note;  // added to the tooltip
};
struct BarGroup {
  std::string label;
  std::string sublabel;                  // "49 questions"
  std::vector<std::optional<Bar>> bars;  // one a series
};
struct BarChart {
  std::string title;  // for screen readers
  std::vector<std::string> series;
  std::vector<int> colors;  // class of each series: 0 … 5
  std::vector<BarGroup> groups;
  bool percent = true;  // values are shares
  double max = 0;       // top of the scale; 0: fits the values
};

// Upright bars with whiskers and values above: few groups.
std::string ColumnChart(const BarChart& chart);
// One row a group, one thin bar a series: many groups or long labels.
std::string RowChart(const BarChart& chart);

struct Line {
  std::string name;
  int color = 0;
  std::vector<std::pair<double, double>> points;  // x ascending, whole numbers
  bool dots = false;                              // mark the points: few of them
};
struct LineChartSpec {
  std::string title, x_label, y_label;
  std::vector<Line> lines;
  bool percent = false;
};
std::string LineChart(const LineChartSpec& chart);

// Coloured names above a chart, in HTML.
std::string Legend(const std::vector<std::string>& names, const std::vector<int>& colors);

// Steps 1, 2, 2.5 or 5 times a power of ten; from 0 or below `low` to `high` or above.
std::vector<double> Ticks(double low, double high, int about);

}  // namespace foundry::evaluator
