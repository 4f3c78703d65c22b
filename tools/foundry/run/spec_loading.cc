#include "tools/foundry/run/spec_loading.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/config/spec.h"
#include "tools/foundry/run/input_files.h"
#include "tools/foundry/view/job_view.h"

namespace foundry::cli {

absl::StatusOr<LoadedSpec> LoadSpec(const std::string& path,
                                    const std::vector<std::string>& settings) {
  LoadedSpec loaded;
  FOUNDRY_ASSIGN_OR_RETURN(
      loaded.spec,
      config::LoadSpec(path, {.set = settings, .environment = config::ProcessEnvironment()}));
  std::string identity = DumpJson(MessageJson(loaded.spec));
  for (const InputFile& file : InputFiles(loaded.spec)) {
    absl::StrAppend(&identity, "\n", file.path.string(), " ", file.size, " ", file.modified);
  }
  loaded.request_id = Sha256Hex(identity).substr(0, 32);
  return loaded;
}

}  // namespace foundry::cli
