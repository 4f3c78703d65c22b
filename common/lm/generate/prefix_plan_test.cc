#include "common/lm/generate/prefix_plan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace foundry::lm {
namespace {

using Prompt = std::vector<int32_t>;

Prompt Join(std::initializer_list<Prompt> parts) {
  Prompt out;
  for (const Prompt& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

PrefixPlan Plan(const std::vector<Prompt>& prompts, int64_t min_tokens = 3) {
  return PlanPrefixes(std::vector<absl::Span<const int32_t>>(prompts.begin(), prompts.end()),
                      min_tokens);
}

// The tokens that a plan says a request's chain of nodes covers.
Prompt Chain(const PrefixPlan& plan, const std::vector<Prompt>& prompts, size_t request) {
  Prompt out;
  for (int64_t node = plan.leaf[request]; node >= 0; node = plan.nodes[node].parent) {
    const PrefixNode& n = plan.nodes[node];
    EXPECT_LT(n.parent, node);
    const Prompt& source = prompts[n.request];
    out.insert(out.begin(), source.begin() + n.begin, source.begin() + n.end);
  }
  return out;
}

TEST(PrefixPlanTest, SystemPromptThenDocumentThenQuestion) {
  const Prompt system = {1, 1, 1, 1}, a = {2, 2, 2, 2}, b = {3, 3, 3, 3};
  const std::vector<Prompt> prompts = {Join({system, a, {7}}),
                                       Join({system, b, {7}}),
                                       Join({system, a, {8}}),
                                       Join({system, b, {9, 9}}),
                                       {5, 5, 5, 5}};
  const PrefixPlan plan = Plan(prompts);
  ASSERT_EQ(plan.nodes.size(), 3u);
  for (size_t i = 0; i < prompts.size(); ++i) {
    const Prompt chain = Chain(plan, prompts, i);
    EXPECT_EQ(chain, Prompt(prompts[i].begin(), prompts[i].begin() + plan.Covered(i)));
  }
  EXPECT_EQ(plan.Covered(0), 8);
  EXPECT_EQ(plan.Covered(4), 0);
  EXPECT_EQ(plan.leaf[0], plan.leaf[2]);
  EXPECT_EQ(plan.nodes[0].users, 2);  // the two documents
  EXPECT_EQ(plan.nodes[plan.leaf[0]].users, 2);
}

TEST(PrefixPlanTest, TheLastTokenIsNeverCovered) {
  const std::vector<Prompt> prompts = {{1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}, {1, 2, 3, 4}};
  const PrefixPlan plan = Plan(prompts);
  EXPECT_EQ(plan.Covered(0), plan.Covered(1));
  for (size_t i = 0; i < prompts.size(); ++i) {
    EXPECT_LT(plan.Covered(i), static_cast<int64_t>(prompts[i].size()));
    EXPECT_EQ(Chain(plan, prompts, i),
              Prompt(prompts[i].begin(), prompts[i].begin() + plan.Covered(i)));
  }
}

TEST(PrefixPlanTest, ShortBeginningsAreLeftAlone) {
  EXPECT_TRUE(Plan({{1, 2, 9}, {1, 2, 8}}).nodes.empty());
  EXPECT_TRUE(Plan({{1, 2, 3, 4}}).nodes.empty());
  EXPECT_TRUE(Plan({}).nodes.empty());
}

TEST(PrefixPlanTest, EveryRequestIsOrderedOnce) {
  const PrefixPlan plan = Plan({{3, 1}, {1, 1}, {2, 1}, {1, 1}});
  EXPECT_THAT(plan.order, testing::UnorderedElementsAre(0, 1, 2, 3));
}

}  // namespace
}  // namespace foundry::lm
