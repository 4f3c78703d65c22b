// Manifests: what a task's output consists of, stored as a blob itself.
//
// The blob is canonical JSON, sorted by name and without white space, so equal outputs have equal
// manifests: {"artifacts":[{"name":…,"sha256":…,"size_bytes":…}]}. Thread-safe (no state).
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/storage/artifact_store.h"
#include "foundry/common/v1/artifact.pb.h"

namespace foundry::storage {

std::string ManifestToJson(const common::v1::Manifest& manifest);

// InvalidArgument when it is not a manifest, or a name is absolute, holds "..", or comes twice.
absl::StatusOr<common::v1::Manifest> ManifestFromJson(absl::string_view json);

struct StoredManifest {
  common::v1::Manifest manifest;
  std::string sha256;  // of the manifest blob
};

// Stores every file below `folder`, then the manifest. Links to files are followed; anything that
// is neither file nor folder is InvalidArgument.
absl::StatusOr<StoredManifest> PutFolder(const std::filesystem::path& folder, ArtifactStore* store);

absl::StatusOr<common::v1::Manifest> GetManifest(absl::string_view sha256, ArtifactStore* store);

// Writes the files of a manifest below `folder`. With `name` only that file, or the files of that
// folder, under their full names. NotFound when nothing has that name.
absl::Status Materialise(const common::v1::Manifest& manifest, absl::string_view name,
                         const std::filesystem::path& folder, Placement placement,
                         ArtifactStore* store);

}  // namespace foundry::storage
