#include "common/lm/loss/token_loss.h"

#include <cmath>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

// The definition of token_loss.h, in float64 and without any trick.
double Reference(const std::vector<double>& z, const LossRow& row, const LossOptions& o) {
  auto probabilities = [&](double temperature) {
    std::vector<double> p;
    double sum = 0;
    for (double x : z) sum += p.emplace_back(std::exp(x / temperature));
    for (double& x : p) x /= sum;
    return p;
  };
  const std::vector<double> hard = probabilities(1), q = probabilities(o.temperature);
  double cross_entropy = -(1 - o.label_smoothing) * std::log(hard[row.target]);
  for (double x : hard) {
    cross_entropy -= o.label_smoothing / static_cast<double>(z.size()) * std::log(x);
  }
  const double scale = row.weight / o.normalizer;
  if (!row.has_soft()) return scale * cross_entropy;
  std::vector<double> teacher, student;
  double teacher_rest = 1, student_rest = 0;
  std::vector<bool> named(z.size());
  for (int j = 0; j < row.soft->k; ++j) {
    const int64_t at = row.soft_position * row.soft->k + j;
    teacher.push_back(std::exp(static_cast<double>(row.soft->logprobs[at])));
    student.push_back(q[row.soft->ids[at]]);
    named[row.soft->ids[at]] = true;
    teacher_rest -= teacher.back();
  }
  for (size_t i = 0; i < z.size(); ++i) student_rest += named[i] ? 0 : q[i];
  if (teacher_rest > 1e-6 || o.divergence != Divergence::kForwardKl) {
    teacher.push_back(std::max(teacher_rest, 1e-6));
    student.push_back(student_rest);
  }
  double divergence = 0;
  for (size_t c = 0; c < teacher.size(); ++c) {
    const double p = teacher[c], s = student[c], m = (p + s) / 2;
    switch (o.divergence) {
      case Divergence::kForwardKl:
        divergence += p * std::log(p / s);
        break;
      case Divergence::kReverseKl:
        divergence += s * std::log(s / p);
        break;
      case Divergence::kJensenShannon:
        divergence += (p * std::log(p / m) + s * std::log(s / m)) / 2;
        break;
    }
  }
  return scale * ((1 - o.soft_weight) * cross_entropy +
                  o.soft_weight * o.temperature * o.temperature * divergence);
}

struct Case {
  Divergence divergence = Divergence::kForwardKl;
  double soft_weight = 0, temperature = 1, smoothing = 0;
  double tail = 0.2;  // the teacher's mass outside its top-k
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << "divergence " << static_cast<int>(c.divergence) << " weight " << c.soft_weight << " T "
       << c.temperature << " smoothing " << c.smoothing << " tail " << c.tail;
}

class TokenLossTest : public ::testing::TestWithParam<Case> {};

TEST_P(TokenLossTest, LossAndGradientAreThoseOfTheDefinition) {
  const Case& c = GetParam();
  const int64_t width = 307, k = 5;
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal(0, 2);
  for (int trial = 0; trial < 8; ++trial) {
    std::vector<float> logits(width);
    for (float& z : logits) z = static_cast<float>(normal(random));
    SoftTargets soft;
    soft.k = k;
    std::vector<double> p(k);
    double sum = 0;
    for (double& x : p) sum += x = std::exp(normal(random));
    for (int position = 0; position < 2; ++position) {
      for (int j = 0; j < k; ++j) {
        soft.ids.push_back(static_cast<int32_t>((trial * 37 + j * 61 + position) % width));
        soft.logprobs.push_back(static_cast<float>(std::log(p[j] / sum * (1 - c.tail))));
      }
    }
    LossRow row;
    row.target = trial % 2 ? soft.ids[k + 1] : 200;  // one of the teacher's, or another
    row.weight = 0.7f;
    row.soft = c.soft_weight > 0 ? &soft : nullptr;
    row.soft_position = 1;
    const LossOptions options = {2.5, c.soft_weight, c.temperature, c.divergence, c.smoothing};

    std::vector<double> z(logits.begin(), logits.end());
    const double expected = Reference(z, row, options);
    std::vector<float> gradient = logits;
    EXPECT_NEAR(TokenLoss(gradient.data(), width, row, options, true), expected,
                1e-5 * std::abs(expected) + 1e-6);
    std::vector<float> untouched = logits;
    EXPECT_NEAR(TokenLoss(untouched.data(), width, row, options, false), expected,
                1e-5 * std::abs(expected) + 1e-6);
    EXPECT_EQ(untouched, logits);
    for (int64_t i = 0; i < width; ++i) {
      const double h = 1e-5, at = z[i];
      z[i] = at + h;
      const double above = Reference(z, row, options);
      z[i] = at - h;
      const double below = Reference(z, row, options);
      z[i] = at;
      EXPECT_NEAR(gradient[i], (above - below) / (2 * h), 2e-6) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TokenLossTest,
                         ::testing::Values(Case{}, Case{.smoothing = 0.1},
                                           Case{Divergence::kForwardKl, 1, 1},
                                           Case{Divergence::kForwardKl, 0.5, 2, 0.05},
                                           Case{Divergence::kForwardKl, 1, 2, 0, 0},
                                           Case{Divergence::kReverseKl, 1, 1},
                                           Case{Divergence::kReverseKl, 0.3, 2, 0.1},
                                           Case{Divergence::kReverseKl, 1, 1.5, 0, 0},
                                           Case{Divergence::kJensenShannon, 1, 1},
                                           Case{Divergence::kJensenShannon, 0.6, 3, 0.2},
                                           Case{Divergence::kJensenShannon, 1, 2, 0, 0}));

TEST(TokenLossTest, VanishesForATeacherThatIsTheStudent) {
  const int64_t width = 64, k = 8;
  std::mt19937_64 random(2);
  std::vector<float> logits(width);
  double sum = 0;
  for (float& z : logits) sum += std::exp(z = static_cast<float>(random() % 1000) / 250);
  SoftTargets soft;
  soft.k = k;
  for (int j = 0; j < k; ++j) {
    soft.ids.push_back(j * 7);
    soft.logprobs.push_back(static_cast<float>(logits[j * 7] - std::log(sum)));
  }
  for (Divergence divergence :
       {Divergence::kForwardKl, Divergence::kReverseKl, Divergence::kJensenShannon}) {
    std::vector<float> gradient = logits;
    LossRow row{.row = 0, .target = 3, .weight = 1, .soft = &soft};
    EXPECT_NEAR(TokenLoss(gradient.data(), width, row, {1, 1, 1, divergence}, true), 0, 1e-6);
    for (float g : gradient) EXPECT_NEAR(g, 0, 1e-6);
  }
}

}  // namespace
}  // namespace foundry::lm
