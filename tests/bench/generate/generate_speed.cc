// generate_speed: greedy answers to many questions about one document, timed once.
//
//   generate_speed --model PATH --prompts prompts.json [--new 64] [--compute auto]
//                  [--ids FILE]  [--ends 1]
//
// prompts.json: {"prefix": text, "suffixes": [text]}. --ids writes the generated ids as JSON;
// --ends 1 lets answers end by themselves instead of at --new tokens. One JSON line on stdout.
#include <chrono>
#include <cstdio>
#include <string>

#include "absl/strings/numbers.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/language_model.h"
#include "common/lm/probe/matmul_rate.h"
#include "tests/bench/arguments.h"

namespace foundry {
namespace {

// FLOPs that the answers need at least: two for each weight and token (the vocabulary's only where
// a token is chosen), and attention's four for each value of each key that is seen.
double Flops(const lm::ModelConfig& c, const lm::GenerateStats& stats, double prefix) {
  const double width = static_cast<double>(c.num_heads * c.head_dim);
  const double key_width = static_cast<double>(c.num_kv_heads * c.head_dim);
  const double hidden = static_cast<double>(c.hidden_size);
  const double layer =
      hidden * (2 * width + 2 * key_width) + 3 * hidden * static_cast<double>(c.intermediate_size);
  const double layers = static_cast<double>(c.num_layers);
  const double tokens = static_cast<double>(stats.prompt_tokens + stats.generated_tokens);
  const double chosen = static_cast<double>(stats.generated_tokens);
  return 2 * layer * layers * tokens + 2 * hidden * static_cast<double>(c.vocab_size) * chosen +
         4 * width * layers * (prefix * prefix / 2 + prefix * (tokens - prefix));
}

absl::Status Run(const Arguments& arguments) {
  lm::LoadOptions load;
  const std::string compute = arguments.Get("compute", "auto");
  load.compute = compute == "float32"    ? lm::ComputeType::kFloat32
                 : compute == "bfloat16" ? lm::ComputeType::kBFloat16
                                         : lm::ComputeType::kAuto;
  FOUNDRY_ASSIGN_OR_RETURN(const auto model, lm::LanguageModel::Load(arguments.Get("model"), load));
  FOUNDRY_ASSIGN_OR_RETURN(const Json prompts, ReadJsonFile(arguments.Get("prompts")));
  int length = 64;
  if (!absl::SimpleAtoi(arguments.Get("new", "64"), &length)) {
    return absl::InvalidArgumentError("--new must be a number");
  }
  const std::string prefix = prompts["prefix"];
  const tokenizer::EncodeOptions encode = {.add_special = false, .parse_special = true};
  std::vector<lm::GenerateRequest> requests;
  for (const Json& suffix : prompts["suffixes"]) {
    lm::GenerateRequest request;
    request.prompt = model->tokenizer().Encode(prefix + suffix.get<std::string>(), encode);
    request.max_new_tokens = length;
    request.min_new_tokens = arguments.Get("ends") == "1" ? 0 : length;
    requests.push_back(std::move(request));
  }
  lm::GenerateStats stats;
  lm::GenerateOptions options;
  options.batch_size = static_cast<int>(requests.size());
  options.stats = &stats;
  const auto start = std::chrono::steady_clock::now();
  FOUNDRY_ASSIGN_OR_RETURN(const auto results, model->Generate(requests, options));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (const std::string file = arguments.Get("ids"); !file.empty()) {
    Json ids = Json::array();
    for (const lm::GenerateResult& result : results) ids.push_back(result.ids);
    FOUNDRY_RETURN_IF_ERROR(WriteJsonFile(file, ids, -1));
  }
  const double rate = lm::MeasureMatmulRate();
  const double shared = static_cast<double>(model->tokenizer().Encode(prefix, encode).size());
  const double generated = static_cast<double>(stats.generated_tokens);
  const Json line = {
      {"engine", "foundry"},
      {"sequences", requests.size()},
      {"generated", stats.generated_tokens},
      {"prompt_tokens", stats.prompt_tokens},
      {"seconds", seconds},
      {"seconds_without_layout", stats.seconds},
      {"tokens_per_second", generated / seconds},
      {"matmul_gflops", rate / 1e9},
      {"limit_tokens_per_second", generated / (Flops(model->config(), stats, shared) / rate)}};
  std::printf("%s\n", DumpJson(line).c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace foundry

int main(int argc, char** argv) {
  const foundry::Arguments arguments(argc, argv);
  const absl::Status status = foundry::Run(arguments);
  if (!status.ok()) std::fprintf(stderr, "generate_speed: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
