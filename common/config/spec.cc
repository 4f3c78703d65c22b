#include "common/config/spec.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/config/check.h"
#include "common/config/paths.h"
#include "common/config/pipeline_rules.h"
#include "common/config/problems.h"
#include "common/config/resolve.h"
#include "common/config/yaml_message.h"

namespace foundry::config {
namespace {

absl::Status Finish(bool paths_must_exist, pipeline::v1::PipelineSpec* spec, Problems* problems) {
  CheckSettings(*spec, problems);
  ApplyPipelineRules(spec, problems);
  FillDefaults(spec, problems);
  FinishPipeline(spec, problems);
  ResolvePaths(paths_must_exist, spec, problems);
  CheckEncoding(*spec, problems);
  return problems->ToStatus();
}

}  // namespace

absl::StatusOr<pipeline::v1::PipelineSpec> LoadSpec(const std::filesystem::path& file,
                                                    const LoadOptions& options) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string yaml, ReadFile(file));
  std::error_code error;
  return ParseSpec(yaml, file.string(), std::filesystem::absolute(file, error).parent_path(),
                   options);
}

absl::StatusOr<pipeline::v1::PipelineSpec> ParseSpec(absl::string_view yaml, absl::string_view name,
                                                     const std::filesystem::path& folder,
                                                     const LoadOptions& options) {
  pipeline::v1::PipelineSpec spec;
  Problems problems;
  MergeYaml(yaml, {std::string(name), folder}, &spec, &problems);
  ApplyEnvironment(options.environment, &spec, &problems);
  for (const std::string& assignment : options.set) ApplyAssignment(assignment, &spec, &problems);
  FOUNDRY_RETURN_IF_ERROR(Finish(options.paths_must_exist, &spec, &problems));
  return spec;
}

absl::Status ResolveSpec(pipeline::v1::PipelineSpec* spec) {
  Problems problems;
  return Finish(/*paths_must_exist=*/false, spec, &problems);
}

}  // namespace foundry::config
