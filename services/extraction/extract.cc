#include "services/extraction/extract.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "services/extraction/outputs.h"
#include "services/extraction/parallel_read.h"
#include "services/extraction/sources/list_files.h"

namespace foundry::extraction {
namespace {

using dataset::Document;
using dataset::Outcome;

// Files whose records are spread over shards by row; others go to one shard as a whole.
bool HasRows(const InputFile& file) { return file.kind != SourceKind::kPdf; }

bool InShard(const std::string& name, int index, int count) {
  if (count <= 1) return true;
  return static_cast<int>(std::stoull(Sha256Hex(name).substr(0, 12), nullptr, 16) % count) == index;
}

}  // namespace

absl::StatusOr<std::vector<InputFile>> ListInputs(const std::vector<Source>& sources) {
  if (sources.empty()) return absl::InvalidArgumentError("no sources");
  std::vector<InputFile> files;
  for (size_t i = 0; i < sources.size(); ++i) {
    absl::StatusOr<std::vector<InputFile>> listed = ListSource(sources[i], static_cast<int>(i));
    if (!listed.ok()) return Annotate(listed.status(), absl::StrCat("sources[", i, "]"));
    files.insert(files.end(), listed->begin(), listed->end());
  }
  return files;
}

absl::StatusOr<worker::StageOutput> Extract(const ExtractOptions& options,
                                            worker::TaskContext& context) {
  FOUNDRY_ASSIGN_OR_RETURN(std::vector<InputFile> files, ListInputs(options.sources));
  const auto in_shard = [&options](const std::string& name) {
    return InShard(name, options.shard_index, options.shard_count);
  };
  std::erase_if(files,
                [&](const InputFile& file) { return !HasRows(file) && !in_shard(file.name); });
  const bool sharded = options.shard_count > 1;
  CollectOptions collect = options.collect;
  // Nearness is not transitive: only the join, which sees all, may decide by it.
  if (sharded && collect.deduplicate == "near") collect.deduplicate = "exact";
  Collector collector(collect);
  std::vector<Document> documents;
  std::vector<Outcome> outcomes;
  ParallelReadOptions read;
  read.jobs = CappedJobs(options.batch_size);
  read.cancel = context.cancel();
  read.options_for = [&](const InputFile& file) {
    ReadOptions one;
    one.source = options.sources[file.source];
    one.ocr = options.ocr;
    one.timeout = absl::Seconds(options.timeout_seconds);
    one.memory_mib = options.memory_mib;
    if (sharded && HasRows(file)) one.wanted = in_shard;
    return one;
  };
  read.on_result = [&](size_t index, FileResult result) -> absl::StatusOr<bool> {
    const bool has_rows = HasRows(files[index]);
    // A single record of another shard: this one has nothing to say about it.
    const bool other = sharded && has_rows && result.documents.empty() &&
                       result.outcomes.size() == 1 &&
                       (result.outcomes[0].status == "ok" || !in_shard(files[index].name));
    const std::string path = files[index].path.string();
    if (!other) {
      for (Document& document : result.documents) document.metadata["source_path"] = path;
      collector.Add(std::move(result));
    }
    for (Document& document : collector.TakeDocuments()) documents.push_back(std::move(document));
    for (Outcome& outcome : collector.TakeOutcomes()) outcomes.push_back(std::move(outcome));
    context.Progress(
        {static_cast<double>(index + 1), static_cast<double>(files.size()), "files", path});
    return !collector.Full();
  };
  FOUNDRY_RETURN_IF_ERROR(ReadInParallel(files, read));
  if (!sharded) {
    if (documents.empty()) return NoDocuments(outcomes, collector.Losses());
    for (Document& document : documents) document.metadata.erase("source_path");
    MakeIdsUnique(&documents);
  }
  FOUNDRY_RETURN_IF_ERROR(WriteRecords(documents, outcomes, context.output()));
  worker::StageOutput output;
  output.counts = collector.counts();
  output.counts["documents"] += 0;
  output.warnings = WarningsOf(outcomes);
  for (std::string& warning : collector.TakeWarnings())
    output.warnings.push_back(std::move(warning));
  context.Message(absl::StrCat(documents.size(), " documents of ", files.size(), " files"));
  return output;
}

}  // namespace foundry::extraction
