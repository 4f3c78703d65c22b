// embed_speed: sentence embeddings, timed once.
//
//   embed_speed --model FOLDER --texts texts.json [--compute auto] [--out FILE]
//
// texts.json: a list of strings. --out gets the embeddings, float32, row by row. One JSON line on
// stdout.
#include <chrono>
#include <cstdio>

#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/embedder.h"
#include "common/lm/probe/matmul_rate.h"
#include "tests/bench/arguments.h"

namespace foundry {
namespace {

absl::Status Run(const Arguments& arguments) {
  lm::LoadOptions load;
  const std::string compute = arguments.Get("compute", "auto");
  load.compute = compute == "float32"    ? lm::ComputeType::kFloat32
                 : compute == "bfloat16" ? lm::ComputeType::kBFloat16
                                         : lm::ComputeType::kAuto;
  FOUNDRY_ASSIGN_OR_RETURN(const auto embedder, lm::Embedder::Load(arguments.Get("model"), load));
  FOUNDRY_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(arguments.Get("texts")));
  const auto texts = json.get<std::vector<std::string>>();
  const auto start = std::chrono::steady_clock::now();
  FOUNDRY_ASSIGN_OR_RETURN(const lm::FloatMatrix rows, embedder->Embed(texts));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (const std::string out = arguments.Get("out"); !out.empty()) {
    FOUNDRY_RETURN_IF_ERROR(WriteFileAtomic(
        out, {reinterpret_cast<const char*>(rows.data.data()), rows.data.size() * sizeof(float)}));
  }
  const Json line = {{"engine", "foundry"},
                     {"compute", compute},
                     {"texts", texts.size()},
                     {"seconds", seconds},
                     {"texts_per_second", static_cast<double>(texts.size()) / seconds},
                     {"matmul_gflops", lm::MeasureMatmulRate() / 1e9}};
  std::printf("%s\n", DumpJson(line).c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace foundry

int main(int argc, char** argv) {
  const absl::Status status = foundry::Run(foundry::Arguments(argc, argv));
  if (!status.ok()) std::fprintf(stderr, "embed_speed: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
