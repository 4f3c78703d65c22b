#include "services/coordinator/input_facts.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/dataset/io.h"

namespace foundry::coordinator {
namespace {

namespace fs = std::filesystem;

enum class By { kContent, kStat };

std::vector<fs::path> Expand(const std::string& pattern) {
  std::error_code error;
  if (fs::exists(pattern, error)) return {pattern};
  std::vector<fs::path> found;
  glob_t matches = {};
  if (glob(pattern.c_str(), 0, nullptr, &matches) == 0) {
    for (size_t i = 0; i < matches.gl_pathc; ++i) found.emplace_back(matches.gl_pathv[i]);
  }
  globfree(&matches);
  return found;
}

// "name hash" of a file; the name without the folder that it was found in.
absl::StatusOr<std::string> HashFile(const fs::path& file, const std::string& name, By by) {
  if (by == By::kContent) {
    FOUNDRY_ASSIGN_OR_RETURN(const std::string hash, Sha256HexOfFile(file));
    return absl::StrCat(name, "\t", hash, "\n");
  }
  std::error_code error;
  const auto size = fs::file_size(file, error);
  const auto time = error ? 0 : fs::last_write_time(file, error).time_since_epoch().count();
  if (error) return absl::NotFoundError(file.string());
  return absl::StrCat(name, "\t", size, "\t", time, "\n");
}

// Empty when nothing is there.
absl::StatusOr<std::string> HashPath(const std::string& path, By by) {
  std::vector<std::string> lines;
  for (const fs::path& root : Expand(path)) {
    std::error_code error;
    if (!fs::is_directory(root, error)) {
      FOUNDRY_ASSIGN_OR_RETURN(std::string line, HashFile(root, root.filename().string(), by));
      lines.push_back(std::move(line));
      continue;
    }
    for (fs::recursive_directory_iterator it(root, error), end; !error && it != end;
         it.increment(error)) {
      if (!it->is_regular_file(error)) continue;
      FOUNDRY_ASSIGN_OR_RETURN(
          std::string line, HashFile(it->path(), it->path().lexically_relative(root).string(), by));
      lines.push_back(std::move(line));
    }
    if (error) return absl::NotFoundError(absl::StrCat(root.string(), ": ", error.message()));
    lines.push_back("folder\n");  // an empty folder is there, too
  }
  std::sort(lines.begin(), lines.end());
  Sha256 hash;
  for (const std::string& line : lines) hash.Update(line);
  return lines.empty() ? "" : hash.FinishHex();
}

class Facts {
 public:
  explicit Facts(InputFacts* facts) : facts_(facts) {}
  void Add(const std::string& path, By by) {
    if (path.empty() || facts_->hashes.count(path) != 0) return;
    const auto hash = HashPath(path, by);
    // What cannot be read here may be readable by the worker; it is just never reused.
    if (hash.ok() && !hash->empty()) facts_->hashes[path] = *hash;
  }
  void AddSource(const pipeline::v1::Source& source) {
    for (const std::string& path :
         {source.pdf(), source.cve(), source.json(), source.huggingface()}) {
      Add(path, By::kContent);
    }
  }
  // A name such as smollm2-135m-instruct stands for itself.
  void AddModel(const std::string& name) {
    if (name.find('/') != std::string::npos) Add(name, By::kStat);
  }

 private:
  InputFacts* const facts_;
};

}  // namespace

absl::StatusOr<InputFacts> ReadInputFacts(const pipeline::v1::PipelineSpec& spec) {
  InputFacts result;
  Facts facts(&result);
  for (const auto& source : spec.sources()) facts.AddSource(source);
  for (const auto& source : spec.self_study().documents()) facts.AddSource(source);
  facts.Add(spec.inputs().enriched_data(), By::kContent);
  facts.Add(spec.inputs().teacher_pairs(), By::kContent);
  facts.Add(spec.inputs().adapter(), By::kContent);
  facts.Add(spec.inputs().merged_model(), By::kStat);
  for (const auto& dataset : spec.evaluation().datasets()) {
    for (const std::string& path : {dataset.qa(), dataset.commands(), dataset.domain()}) {
      facts.Add(path, By::kContent);
    }
  }
  facts.AddModel(spec.models().student());
  facts.AddModel(spec.models().soft_teacher());
  facts.AddModel(spec.models().embedder());
  facts.AddModel(spec.evaluation().previous());
  for (const auto& teacher : spec.models().teachers()) facts.AddModel(teacher.model());

  std::error_code error;
  const std::string& pairs = spec.inputs().teacher_pairs();
  if (!pairs.empty() && fs::exists(pairs, error)) {
    const auto read = dataset::ReadPairs(pairs);
    if (!read.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("inputs.teacher_pairs: ", read.status().message()));
    }
    result.pairs_need_targets = std::any_of(read->begin(), read->end(),
                                            [](const auto& pair) { return pair.target.empty(); });
  }
  return result;
}

}  // namespace foundry::coordinator
