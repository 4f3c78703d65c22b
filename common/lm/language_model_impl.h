// What stands behind LanguageModel, for the parts of common/lm that compute with it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "common/lm/generate/steps.h"
#include "common/lm/language_model.h"
#include "common/lm/model/decoder.h"

namespace foundry::lm {

struct LanguageModel::Impl {
  std::filesystem::path path;
  std::shared_ptr<Decoder> decoder;
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer;
  std::optional<tokenizer::ChatTemplate> chat_template;
  absl::Status no_chat_template;  // why there is none, where the model has one that isn't known
  PackedWeights packed;           // what generation made of the decoder's weights
  std::mutex mutex;               // held by every call that computes

  // A model around other weights with the same tokenizer: training generates with it.
  static std::unique_ptr<LanguageModel> Wrap(const Impl& like, std::shared_ptr<Decoder> decoder);
};

}  // namespace foundry::lm
