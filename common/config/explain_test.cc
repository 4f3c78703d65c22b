#include "common/config/explain.h"

#include <map>

#include "gtest/gtest.h"

namespace foundry::config {
namespace {

TEST(Explain, EverySettingHasHelp) {
  std::map<std::string, SettingRow> rows;
  for (const SettingRow& row : ExplainSpec()) {
    EXPECT_FALSE(row.help.empty()) << row.name;
    EXPECT_FALSE(row.type.empty()) << row.name;
    rows[row.name] = row;
  }
  EXPECT_EQ(rows.at("distillation.epochs").value, "4");
  EXPECT_EQ(rows.at("distillation.epochs").smoke, "1");
  EXPECT_EQ(rows.at("distillation.epochs").unit, "epochs");
  EXPECT_EQ(rows.at("distillation.epochs").range, "between 0.01 and 1000");
  EXPECT_EQ(rows.at("teacher.batch_size").value, "(batch_size)");
  EXPECT_EQ(rows.at("models.teachers[].api_key").range, "env:NAME or file:PATH");
  EXPECT_EQ(rows.count("distillation.lora.rank"), 1u);
}

}  // namespace
}  // namespace foundry::config
