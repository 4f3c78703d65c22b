#include "common/lm/weights/peft_config.h"

#include "gmock/gmock.h"

namespace foundry::lm {
namespace {

TEST(PeftConfigTest, PlainLoraIsRead) {
  for (const Json& how : {Json(nullptr), Json(true), Json(false), Json("gaussian"), Json("eva")}) {
    const Json config = {{"bias", "none"},
                         {"rank_pattern", Json::object()},
                         {"modules_to_save", nullptr},
                         {"init_lora_weights", how}};
    EXPECT_TRUE(CheckPeftConfig(config).ok()) << how;
  }
  EXPECT_TRUE(CheckPeftConfig(Json::object()).ok());
}

TEST(PeftConfigTest, WhatChangesTheComputationOrTheBaseIsRefusedByName) {
  for (const auto& [key, value] :
       std::initializer_list<std::pair<const char*, Json>>{{"bias", "all"},
                                                           {"modules_to_save", {"lm_head"}},
                                                           {"rank_pattern", {{"q_proj", 4}}},
                                                           {"init_lora_weights", "pissa"},
                                                           {"init_lora_weights", "pissa_niter_16"},
                                                           {"init_lora_weights", "olora"},
                                                           {"init_lora_weights", "loftq"},
                                                           {"init_lora_weights", 7}}) {
    const absl::Status status = CheckPeftConfig({{key, value}});
    EXPECT_TRUE(absl::IsUnimplemented(status)) << key << value;
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(key));
  }
}

}  // namespace
}  // namespace foundry::lm
