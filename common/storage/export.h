// Committed outputs → the folder that the user looks at.
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/storage/artifact_store.h"
#include "foundry/common/v1/artifact.pb.h"

namespace foundry::storage {

// Makes `to` hold the file or folder `name` of a manifest (empty: all of it, `to` is a folder).
//
// Written beside `to` and renamed, so nobody sees half of it. Idempotent: what is there already
// with the same content is left alone; a folder with other or further files is replaced as a whole.
// NotFound when the manifest has nothing of that name. Two exports to one place must not run at
// once.
absl::Status Export(const common::v1::Manifest& manifest, absl::string_view name,
                    const std::filesystem::path& to, ArtifactStore* store);

// Exports each file and folder at the top of a manifest to the same name under `output_dir`, and
// leaves everything else there alone.
absl::Status ExportEntries(const common::v1::Manifest& manifest,
                           const std::filesystem::path& output_dir, ArtifactStore* store);

}  // namespace foundry::storage
