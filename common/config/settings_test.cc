#include "common/config/settings.h"

#include "gtest/gtest.h"

namespace foundry::config {
namespace {

TEST(Settings, SuggestsOnlyWhatIsClose) {
  const std::vector<std::string> known = {"epochs", "learning_rate", "lora"};
  EXPECT_EQ(Suggest("epoch", known), "epochs");
  EXPECT_EQ(Suggest("learnign_rate", known), "learning_rate");
  EXPECT_EQ(Suggest("Lora", known), "lora");
  EXPECT_EQ(Suggest("temperature", known), "");
}

TEST(Settings, NumbersReadAsPeopleWriteThem) {
  EXPECT_EQ(FormatNumber(1e9), "1000000000");
  EXPECT_EQ(FormatNumber(0.01), "0.01");
  EXPECT_EQ(FormatNumber(-3), "-3");
}

}  // namespace
}  // namespace foundry::config
