#include "common/lm/train/run_state.h"

#include <cstring>
#include <iterator>
#include <map>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/files.h"
#include "common/base/json.h"
#include "common/base/status.h"

namespace foundry::lm {
namespace {

namespace fs = std::filesystem;
constexpr char kManifest[] = "manifest.json";
constexpr char kOptimizer[] = "optimizer.bin";  // mean, then square, float32 as in Adapter::flat
constexpr int kKept = 2;
constexpr char kBFloat16[] = "bfloat16", kFloat32[] = "float32";

Json ToJson(const RunState& s, const RunIdentity& run) {
  return {{"fingerprint", run.fingerprint},
          {"compute", run.compute == at::kBFloat16 ? kBFloat16 : kFloat32},
          {"step", s.step},
          {"validation_pending", s.validation_pending},
          {"rate_scale", s.rate_scale},
          {"failed_step", s.failed_step},
          {"rewinds", s.rewinds},
          {"last_loss", s.last_loss},
          {"has_best", s.has_best},
          {"best_score", s.best_score},
          {"best_step", s.best_step},
          {"best_figures", s.best_figures},
          {"stale", s.stale},
          {"pack_tokens", s.pack_tokens},
          {"tokens", s.tokens},
          {"seconds", s.seconds}};
}

absl::StatusOr<std::map<std::string, double>> Figures(const Json& json) {
  std::map<std::string, double> figures;
  const auto found = json.find("best_figures");
  if (found == json.end()) return figures;
  for (const auto& [name, value] : found->items()) {
    FOUNDRY_ASSIGN_OR_RETURN(figures[name], JsonDouble(*found, name));
  }
  return figures;
}

absl::StatusOr<RunState> FromJson(const Json& json) {
  RunState s;
  FOUNDRY_ASSIGN_OR_RETURN(s.step, JsonInt(json, "step"));
  FOUNDRY_ASSIGN_OR_RETURN(s.validation_pending, JsonBool(json, "validation_pending"));
  FOUNDRY_ASSIGN_OR_RETURN(s.rate_scale, JsonDouble(json, "rate_scale", 1));
  FOUNDRY_ASSIGN_OR_RETURN(s.failed_step, JsonInt(json, "failed_step"));
  FOUNDRY_ASSIGN_OR_RETURN(s.rewinds, JsonInt(json, "rewinds"));
  FOUNDRY_ASSIGN_OR_RETURN(s.last_loss, JsonDouble(json, "last_loss"));
  FOUNDRY_ASSIGN_OR_RETURN(s.has_best, JsonBool(json, "has_best"));
  FOUNDRY_ASSIGN_OR_RETURN(s.best_score, JsonDouble(json, "best_score"));
  FOUNDRY_ASSIGN_OR_RETURN(s.best_step, JsonInt(json, "best_step"));
  FOUNDRY_ASSIGN_OR_RETURN(s.best_figures, Figures(json));
  FOUNDRY_ASSIGN_OR_RETURN(s.stale, JsonInt(json, "stale"));
  FOUNDRY_ASSIGN_OR_RETURN(s.pack_tokens, JsonInt(json, "pack_tokens"));
  FOUNDRY_ASSIGN_OR_RETURN(s.tokens, JsonInt(json, "tokens"));
  FOUNDRY_ASSIGN_OR_RETURN(s.seconds, JsonDouble(json, "seconds"));
  return s;
}

// Folders step-N by N; anything else there is an unfinished temporary.
std::map<int64_t, fs::path> Folders(const fs::path& checkpoints) {
  std::map<int64_t, fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(checkpoints, error)) {
    std::string name = entry.path().filename().string();
    absl::string_view rest = name;
    int64_t step = 0;
    if (absl::ConsumePrefix(&rest, "step-") && absl::SimpleAtoi(rest, &step)) {
      found[step] = entry.path();
    }
  }
  return found;
}

absl::Status ReadOptimizer(const fs::path& path, AdamW& optimizer) {
  FOUNDRY_ASSIGN_OR_RETURN(std::string content, ReadFile(path));
  const size_t half = static_cast<size_t>(optimizer.mean().numel()) * sizeof(float);
  if (content.size() != 2 * half) {
    return absl::DataLossError(
        absl::StrCat(path.string(), " has ", content.size(), " bytes instead of ", 2 * half));
  }
  std::memcpy(optimizer.mean().data_ptr<float>(), content.data(), half);
  std::memcpy(optimizer.square().data_ptr<float>(), content.data() + half, half);
  return absl::OkStatus();
}

// A whole checkpoint of the run.
absl::StatusOr<RunState> Read(const fs::path& folder, const Json& manifest, const Decoder& decoder,
                              Adapter& adapter, AdamW& optimizer) {
  FOUNDRY_ASSIGN_OR_RETURN(RunState state, FromJson(manifest));
  FOUNDRY_ASSIGN_OR_RETURN(Adapter saved, ReadAdapter(folder, decoder));
  if (saved.flat.sizes() != adapter.flat.sizes()) {
    return absl::DataLossError(absl::StrCat(folder.string(), " holds an adapter of another shape"));
  }
  FOUNDRY_RETURN_IF_ERROR(ReadOptimizer(folder / kOptimizer, optimizer));
  adapter.flat.copy_(saved.flat);
  return state;
}

}  // namespace

absl::StatusOr<fs::path> SaveCheckpoint(const fs::path& output, const RunIdentity& run,
                                        const RunState& state, const Adapter& adapter,
                                        AdamW& optimizer, const std::string& base_model) {
  const fs::path checkpoints = output / "checkpoints";
  const std::string name = absl::StrCat("step-", state.step);
  const fs::path temporary = checkpoints / absl::StrCat(name, ".partial");
  std::error_code ignored;
  fs::remove_all(temporary, ignored);
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(temporary));
  FOUNDRY_RETURN_IF_ERROR(WriteAdapter(adapter, temporary, base_model));
  std::string moments;
  for (const at::Tensor& t : {optimizer.mean(), optimizer.square()}) {
    moments.append(static_cast<const char*>(t.const_data_ptr()),
                   static_cast<size_t>(t.numel()) * sizeof(float));
  }
  FOUNDRY_RETURN_IF_ERROR(WriteFileAtomic(temporary / kOptimizer, moments));
  FOUNDRY_RETURN_IF_ERROR(WriteJsonFile(temporary / kManifest, ToJson(state, run)));
  FOUNDRY_RETURN_IF_ERROR(RenameDurably(temporary, checkpoints / name));
  std::map<int64_t, fs::path> folders = Folders(checkpoints);
  while (folders.size() > kKept) {
    fs::remove_all(folders.begin()->second, ignored);
    folders.erase(folders.begin());
  }
  return checkpoints / name;
}

absl::StatusOr<std::optional<RunState>> LoadCheckpoint(const fs::path& output,
                                                       const RunIdentity& run,
                                                       const Decoder& decoder, Adapter& adapter,
                                                       AdamW& optimizer, int* removed) {
  *removed = 0;
  const fs::path checkpoints = output / "checkpoints";
  std::map<int64_t, fs::path> folders = Folders(checkpoints);
  for (auto it = folders.rbegin(); it != folders.rend(); ++it) {
    absl::StatusOr<Json> manifest = ReadJsonFile(it->second / kManifest);
    bool ours = manifest.ok() && manifest->is_object() &&
                manifest->value("fingerprint", Json()) == run.fingerprint;
    if (!ours) {
      std::error_code ignored;
      fs::remove_all(it->second, ignored);
      ++*removed;
      continue;
    }
    absl::StatusOr<RunState> state = Read(it->second, *manifest, decoder, adapter, optimizer);
    if (!state.ok() && std::next(it) != folders.rend()) {  // the one before may do
      std::error_code ignored;
      fs::remove_all(it->second, ignored);
      ++*removed;
      continue;
    }
    FOUNDRY_RETURN_IF_ERROR(state.status());
    return *state;
  }
  return std::nullopt;
}

std::optional<at::ScalarType> RecordedCompute(const fs::path& output) {
  const std::map<int64_t, fs::path> folders = Folders(output / "checkpoints");
  if (folders.empty()) return std::nullopt;
  const auto manifest = ReadJsonFile(folders.rbegin()->second / kManifest);
  if (!manifest.ok() || !manifest->is_object()) return std::nullopt;
  const Json compute = manifest->value("compute", Json());
  if (compute == kBFloat16) return at::kBFloat16;
  if (compute == kFloat32) return at::kFloat;
  return std::nullopt;
}

}  // namespace foundry::lm
