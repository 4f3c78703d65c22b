#include "services/evaluator/metrics/interval.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace foundry::evaluator {
namespace {

constexpr double kZ95 = 1.959963984540054;

// std::uniform_int_distribution differs between standard libraries; this does not.
size_t RandomIndex(std::mt19937_64& random, size_t n) {
  return static_cast<size_t>((static_cast<unsigned __int128>(random()) * n) >> 64);
}

double Mean(absl::Span<const double> values) {
  double sum = 0;
  for (double value : values) sum += value;
  return values.empty() ? 0 : sum / values.size();
}

std::vector<double> ResampledMeans(absl::Span<const double> values, uint64_t seed, int resamples) {
  std::mt19937_64 random(seed);
  std::vector<double> means(resamples);
  for (double& mean : means) {
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) sum += values[RandomIndex(random, values.size())];
    mean = sum / values.size();
  }
  std::sort(means.begin(), means.end());
  return means;
}

// Linear interpolation between order statistics, as numpy.percentile.
double Quantile(const std::vector<double>& sorted, double q) {
  const double at = q * (sorted.size() - 1);
  const size_t below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

}  // namespace

Interval WilsonInterval(int64_t successes, int64_t trials) {
  if (trials <= 0) return {0, 0, 1};
  const double n = static_cast<double>(trials), p = successes / n, z2 = kZ95 * kZ95;
  const double center = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kZ95 / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return {p, std::max(0.0, center - half), std::min(1.0, center + half)};
}

Interval BootstrapMean(absl::Span<const double> values, uint64_t seed, int resamples) {
  const double mean = Mean(values);
  if (values.size() < 2) return {mean, mean, mean};
  const std::vector<double> means = ResampledMeans(values, seed, resamples);
  return {mean, Quantile(means, 0.025), Quantile(means, 0.975)};
}

PairedDifference PairedBootstrap(absl::Span<const double> before, absl::Span<const double> after,
                                 uint64_t seed, int resamples) {
  PairedDifference result;
  const size_t n = std::min(before.size(), after.size());
  std::vector<double> differences(n);
  for (size_t i = 0; i < n; ++i) {
    differences[i] = after[i] - before[i];
    result.gained += differences[i] > 0;
    result.lost += differences[i] < 0;
  }
  result.pairs = static_cast<int64_t>(n);
  const double mean = Mean(differences);
  result.difference = {mean, mean, mean};
  if (n < 2) return result;
  const std::vector<double> means = ResampledMeans(differences, seed, resamples);
  result.difference = {mean, Quantile(means, 0.025), Quantile(means, 0.975)};
  const auto at_or_below = std::upper_bound(means.begin(), means.end(), 0.0) - means.begin();
  const auto at_or_above = means.end() - std::lower_bound(means.begin(), means.end(), 0.0);
  // +1: a bootstrap of R resamples cannot show less than 1/(R+1).
  const double tail = (std::min(at_or_below, at_or_above) + 1.0) / (resamples + 1.0);
  result.p_value = std::min(1.0, 2 * tail);
  return result;
}

}  // namespace foundry::evaluator
