// train_speed: LoRA steps over examples in a given order, for run.py to hold against its peer.
//
//   train_speed --model FOLDER|GGUF --examples FILE --init PEFT_FOLDER [--batch 16] [--lr 1e-3]
//               [--compute auto|float32|bfloat16] [--weights full|int8|nf4] [--max_rows N]
//
// FILE: JSON lines {"ids": […], "prompt": N}: the first N ids have no loss. A step takes the next
// `batch` lines: constant rate, AdamW without decay, clipping at 1. One JSON line on stdout;
// "gflops" are multiplications and additions of the matrices, as the arithmetic needs them.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/lm/model/from_checkpoint.h"
#include "common/lm/probe/matmul_rate.h"
#include "common/lm/torch_guard.h"
#include "common/lm/train/gradient.h"
#include "common/lm/train/optimizer.h"
#include "tests/bench/arguments.h"

namespace foundry::lm {
namespace {

using Clock = std::chrono::steady_clock;

absl::StatusOr<std::vector<Example>> ReadExamples(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  std::vector<Example> examples;
  for (std::string line; std::getline(file, line);) {
    FOUNDRY_ASSIGN_OR_RETURN(Json json, ParseJson(line, path));
    Example& e = examples.emplace_back();
    e.ids = json["ids"].get<std::vector<int32_t>>();
    e.loss_weights.assign(e.ids.size(), 1);
    std::fill_n(e.loss_weights.begin(), json["prompt"].get<size_t>(), 0.0f);
  }
  return examples;
}

double PeakMemoryMib() {
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;) {
    if (double kib = 0; key == "VmHWM:" && status >> kib) return kib / 1024;
  }
  return 0;
}

// Of `rows` rows with `scored` of them scored: the base forward and its input's gradient, the
// adapter's three products each way, the head both ways. Attention is left out.
double Flop(const Decoder& decoder, const Adapter& adapter, int64_t rows, int64_t scored) {
  double base = 0;
  for (const Layer& layer : decoder.layers()) {
    for (const Linear* linear : {&layer.qkv, &layer.o, &layer.gate_up, &layer.down}) {
      base += static_cast<double>(linear->in * linear->out);
    }
  }
  const auto r = static_cast<double>(rows), s = static_cast<double>(scored);
  return 4 * base * r + 6 * static_cast<double>(adapter.flat.numel()) * r +
         4 * static_cast<double>(decoder.lm_head().numel()) * s;
}

absl::Status Run(const Arguments& arguments) {
  LoadOptions load;
  const std::string compute = arguments.Get("compute", "auto");
  load.compute = compute == "float32"    ? ComputeType::kFloat32
                 : compute == "bfloat16" ? ComputeType::kBFloat16
                                         : ComputeType::kAuto;
  const std::string weights = arguments.Get("weights", "full");
  load.weights = weights == "int8"  ? WeightFormat::kInt8
                 : weights == "nf4" ? WeightFormat::kNf4
                                    : WeightFormat::kFull;
  FOUNDRY_ASSIGN_OR_RETURN(auto checkpoint, Checkpoint::Open(arguments.Get("model")));
  FOUNDRY_ASSIGN_OR_RETURN(auto decoder, DecoderFromCheckpoint(*checkpoint, load));
  checkpoint.reset();
  FOUNDRY_ASSIGN_OR_RETURN(Adapter adapter, ReadAdapter(arguments.Get("init"), *decoder));
  FOUNDRY_ASSIGN_OR_RETURN(auto examples, ReadExamples(arguments.Get("examples")));
  AttachAdapter(adapter, 1, *decoder);

  TrainOptions options;
  double rate = 0;
  if (!absl::SimpleAtod(arguments.Get("lr", "1e-3"), &rate)) {
    return absl::InvalidArgumentError("--lr: not a number");
  }
  GradientOptions gradient_options;
  gradient_options.max_rows =
      std::stoll(arguments.Get("max_rows", absl::StrCat(gradient_options.max_rows)));
  AdamW optimizer(adapter.flat.numel());
  at::Tensor gradient = at::empty_like(adapter.flat);
  const size_t batch = std::stoul(arguments.Get("batch", "16"));
  Json losses = Json::array(), seconds = Json::array();
  double timed = 0, tokens = 0, rows = 0, count = 0, flop = 0;
  for (size_t from = 0; from < examples.size(); from += batch) {
    std::vector<const Example*> step;
    int64_t step_tokens = 0, scored = 0;
    for (size_t i = from; i < std::min(examples.size(), from + batch); ++i) {
      step.push_back(&examples[i]);
      step_tokens += static_cast<int64_t>(examples[i].ids.size());
      for (float weight : examples[i].loss_weights) scored += weight > 0;
    }
    const auto start = Clock::now();
    FOUNDRY_ASSIGN_OR_RETURN(LossSum sum,
                             LossGradient(*decoder, adapter, step, gradient_options, {}, gradient));
    optimizer.Step(options, static_cast<int64_t>(from / batch), rate, GradientNorm(gradient),
                   gradient, adapter.flat);
    UpdateAdapter(adapter, 1, *decoder);
    const std::chrono::duration<double> taken = Clock::now() - start;
    losses.push_back(sum.loss);
    seconds.push_back(taken.count());
    if (from == 0) continue;  // warms up, as in the peer
    timed += taken.count();
    tokens += static_cast<double>(step_tokens);
    rows += static_cast<double>(sum.rows);
    count += static_cast<double>(step.size());
    flop += Flop(*decoder, adapter, sum.rows, scored);
  }
  const Json line = {{"compute", c10::toString(decoder->compute())},
                     {"losses", losses},
                     {"seconds", seconds},
                     {"examples_per_second", count / timed},
                     {"tokens_per_second", tokens / timed},
                     {"rows_per_second", rows / timed},
                     {"gflops", flop / timed / 1e9},
                     {"peak_memory_mib", PeakMemoryMib()},
                     {"matmul_gflops", MeasureMatmulRate() / 1e9}};
  std::printf("%s\n", DumpJson(line).c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace foundry::lm

int main(int argc, char** argv) {
  const foundry::Arguments arguments(argc, argv);
  absl::Status status = foundry::lm::GuardTorch([&] { return foundry::lm::Run(arguments); });
  if (!status.ok()) std::fprintf(stderr, "train_speed: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
