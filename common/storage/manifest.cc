#include "common/storage/manifest.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/json.h"
#include "common/base/status.h"

namespace foundry::storage {
namespace {

namespace fs = std::filesystem;
using common::v1::Artifact;
using common::v1::Manifest;

absl::Status CheckName(const std::string& name) {
  bool good = !name.empty() && name.find('\0') == std::string::npos;
  for (const absl::string_view part : absl::StrSplit(name, '/')) {
    good &= !part.empty() && part != "." && part != "..";
  }
  return good ? absl::OkStatus()
              : absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is no name for a file"));
}

bool IsBelow(absl::string_view file, absl::string_view name) {
  if (name.empty() || file == name) return true;
  return file.size() > name.size() && absl::StartsWith(file, name) && file[name.size()] == '/';
}

}  // namespace

std::string ManifestToJson(const Manifest& manifest) {
  std::map<std::string, const Artifact*> sorted;
  for (const Artifact& artifact : manifest.artifacts()) sorted[artifact.name()] = &artifact;
  Json list = Json::array();
  for (const auto& [name, artifact] : sorted) {
    list.push_back(
        {{"name", name}, {"sha256", artifact->sha256()}, {"size_bytes", artifact->size_bytes()}});
  }
  return DumpJson({{"artifacts", std::move(list)}});
}

absl::StatusOr<Manifest> ManifestFromJson(absl::string_view json) {
  FOUNDRY_ASSIGN_OR_RETURN(const Json root, ParseJson(json, "manifest"));
  const auto list = root.is_object() ? root.find("artifacts") : root.end();
  if (!root.is_object() || list == root.end() || !list->is_array()) {
    return absl::InvalidArgumentError("manifest: has no list \"artifacts\"");
  }
  Manifest manifest;
  std::string before;
  for (const Json& entry : *list) {
    if (!entry.is_object()) return absl::InvalidArgumentError("manifest: an entry is no object");
    Artifact* artifact = manifest.add_artifacts();
    FOUNDRY_ASSIGN_OR_RETURN(*artifact->mutable_name(), JsonString(entry, "name"));
    FOUNDRY_ASSIGN_OR_RETURN(*artifact->mutable_sha256(), JsonString(entry, "sha256"));
    FOUNDRY_ASSIGN_OR_RETURN(const int64_t size, JsonInt(entry, "size_bytes"));
    artifact->set_size_bytes(size);
    FOUNDRY_RETURN_IF_ERROR(Annotate(CheckName(artifact->name()), "manifest"));
    FOUNDRY_RETURN_IF_ERROR(Annotate(CheckSha256(artifact->sha256()), "manifest"));
    if (artifact->name() <= before) {
      return absl::InvalidArgumentError(
          absl::StrCat("manifest: \"", artifact->name(), "\" is out of order or listed twice"));
    }
    before = artifact->name();
  }
  return manifest;
}

absl::StatusOr<StoredManifest> PutFolder(const fs::path& folder, ArtifactStore* store) {
  std::map<std::string, fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_directory(error) && !it->is_symlink(error)) continue;
    if (!it->is_regular_file(error)) {
      return absl::InvalidArgumentError(
          absl::StrCat(it->path().string(), ": neither a file nor a folder, cannot be stored"));
    }
    files[it->path().lexically_relative(folder).generic_string()] = it->path();
  }
  if (error) {
    return absl::ErrnoToStatus(error.value(), absl::StrCat(folder.string(), ": cannot list"));
  }
  StoredManifest stored;
  for (const auto& [name, path] : files) {
    FOUNDRY_RETURN_IF_ERROR(CheckName(name));
    FOUNDRY_ASSIGN_OR_RETURN(BlobInfo blob, store->PutFile(path));
    Artifact* artifact = stored.manifest.add_artifacts();
    artifact->set_name(name);
    artifact->set_sha256(std::move(blob.sha256));
    artifact->set_size_bytes(blob.size_bytes);
  }
  FOUNDRY_ASSIGN_OR_RETURN(BlobInfo blob, store->PutBytes(ManifestToJson(stored.manifest)));
  stored.sha256 = std::move(blob.sha256);
  return stored;
}

absl::StatusOr<Manifest> GetManifest(absl::string_view sha256, ArtifactStore* store) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string json, store->GetBytes(sha256));
  absl::StatusOr<Manifest> manifest = ManifestFromJson(json);
  if (!manifest.ok()) return Annotate(manifest.status(), absl::StrCat("artifact ", sha256));
  return manifest;
}

absl::Status Materialise(const Manifest& manifest, absl::string_view name, const fs::path& folder,
                         Placement placement, ArtifactStore* store) {
  bool any = name.empty();
  for (const Artifact& artifact : manifest.artifacts()) {
    if (!IsBelow(artifact.name(), name)) continue;
    any = true;
    FOUNDRY_RETURN_IF_ERROR(CheckName(artifact.name()));
    FOUNDRY_RETURN_IF_ERROR(Annotate(
        store->GetFile(artifact.sha256(), folder / artifact.name(), placement), artifact.name()));
  }
  if (any) return absl::OkStatus();
  std::string names;
  for (const Artifact& artifact : manifest.artifacts()) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", artifact.name());
  }
  return absl::NotFoundError(absl::StrCat("no \"", name, "\" in the output, which holds ",
                                          names.empty() ? "nothing" : names));
}

}  // namespace foundry::storage
