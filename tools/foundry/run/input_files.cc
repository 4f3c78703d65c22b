#include "tools/foundry/run/input_files.h"

#include <algorithm>
#include <string>

#include "common/base/listing.h"

namespace foundry::cli {
namespace fs = std::filesystem;
namespace {

void AddFile(const fs::path& path, std::vector<InputFile>& files) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return;
  const auto modified = fs::last_write_time(path, error);
  files.push_back({path, static_cast<int64_t>(size), modified.time_since_epoch().count()});
}

void AddTree(const fs::path& path, std::vector<InputFile>& files) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return AddFile(path, files);
  // What cannot be listed is told by the step that reads it.
  const auto names = ListFiles(path);
  if (!names.ok()) return;
  for (const fs::path& name : *names) AddFile(path / name, files);
}

// A path, or a pattern such as extracts/*.json.
void Add(const std::string& pattern, std::vector<InputFile>& files) {
  if (pattern.empty()) return;
  for (const fs::path& path : MatchPaths(pattern)) AddTree(path, files);
}

void AddSources(const pipeline::v1::PipelineSpec& spec, std::vector<InputFile>& files) {
  auto add = [&files](const auto& sources) {
    for (const pipeline::v1::Source& source : sources) {
      Add(source.pdf(), files);
      Add(source.huggingface(), files);
      Add(source.cve(), files);
      Add(source.json(), files);
    }
  };
  add(spec.sources());
  add(spec.self_study().documents());
}

void Sort(std::vector<InputFile>& files) {
  std::sort(files.begin(), files.end(),
            [](const InputFile& a, const InputFile& b) { return a.path < b.path; });
}

}  // namespace

std::vector<InputFile> SourceFiles(const pipeline::v1::PipelineSpec& spec) {
  std::vector<InputFile> files;
  AddSources(spec, files);
  Sort(files);
  return files;
}

std::vector<InputFile> InputFiles(const pipeline::v1::PipelineSpec& spec) {
  std::vector<InputFile> files;
  AddSources(spec, files);
  Add(spec.inputs().enriched_data(), files);
  Add(spec.inputs().teacher_pairs(), files);
  Add(spec.inputs().adapter(), files);
  Add(spec.inputs().merged_model(), files);
  for (const pipeline::v1::Dataset& dataset : spec.evaluation().datasets()) {
    Add(dataset.qa(), files);
    Add(dataset.commands(), files);
    Add(dataset.domain(), files);
  }
  Add(spec.evaluation().previous(), files);
  Sort(files);
  return files;
}

}  // namespace foundry::cli
