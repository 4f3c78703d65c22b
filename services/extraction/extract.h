// The extraction stage's domain: reading sources, joining shards. Free of protobuf and gRPC.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/worker/task_context.h"
#include "services/extraction/collector.h"
#include "services/extraction/sources/source.h"

namespace foundry::extraction {

struct ExtractOptions {
  std::vector<Source> sources;
  std::string ocr = "auto";
  double timeout_seconds = 120;  // of one file
  int64_t memory_mib = 1024;     // of the process that parses one file
  int shard_index = 0;           // this call reads part `shard_index` of `shard_count`, by hash of
  int shard_count = 1;           //   the document's name
  int batch_size = 16;           // files parsed at once; at most the number of cores
  CollectOptions collect;
};

// Writes documents.jsonl and outcomes.jsonl into context.output(). Files that cannot be read are
// outcomes; FailedPrecondition when all sources together (shard_count 1) give no document.
absl::StatusOr<worker::StageOutput> Extract(const ExtractOptions& options,
                                            worker::TaskContext& context);

// Joins the outputs of all shards: documents in the order of an unsharded run, near duplicates over
// shards removed, the same files. FailedPrecondition when there is no document.
absl::StatusOr<worker::StageOutput> Join(const std::vector<worker::InputRef>& parts,
                                         const CollectOptions& options,
                                         worker::TaskContext& context);

// The files of all sources, in their order.
absl::StatusOr<std::vector<InputFile>> ListInputs(const std::vector<Source>& sources);

}  // namespace foundry::extraction
