#include "tools/foundry/run/preflight.h"

#include <sys/sysinfo.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/cancel.h"
#include "common/base/files.h"
#include "common/base/ids.h"
#include "common/base/secret.h"
#include "common/base/status.h"
#include "common/chat/open.h"
#include "common/lm/model_path.h"
#include "common/postgres/local_server.h"
#include "common/worker/decode.h"
#include "tools/foundry/local/local_cluster.h"
#include "tools/foundry/local/state_folder.h"
#include "tools/foundry/run/input_files.h"

namespace foundry::cli {
namespace fs = std::filesystem;
namespace {

using pipeline::v1::PipelineSpec;
using pipeline::v1::Teacher;

constexpr double kEndpointTimeout = 15;  // seconds

Check FromStatus(std::string name, const absl::Status& status, std::string found) {
  return {.name = std::move(name),
          .ok = status.ok(),
          .detail = status.ok() ? std::move(found) : std::string(status.message()),
          .code = status.code()};
}

Check ModelCheck(const std::string& name) {
  const absl::StatusOr<fs::path> path = lm::ResolveModel(name);
  return FromStatus(absl::StrCat("model ", name), path.status(), path.ok() ? path->string() : "");
}

// A secret must be there and an endpoint must answer before hours of work depend on it.
void CheckTeacher(const Teacher& teacher, std::vector<Check>& checks) {
  if (teacher.endpoint().empty()) {
    if (teacher.model() != "extractive") checks.push_back(ModelCheck(teacher.model()));
    return;
  }
  chat::TeacherConfig config = worker::DecodeTeacher(teacher);
  config.timeout_seconds = kEndpointTimeout;
  auto refuse = [](const std::string& model) -> absl::StatusOr<std::shared_ptr<chat::ChatModel>> {
    return absl::InvalidArgumentError(absl::StrCat(model, " has no endpoint"));
  };
  const auto members = chat::OpenTeachers({config}, refuse);
  absl::Status status = members.status();
  if (status.ok() && !members->empty()) status = members->front().model->Check(CancelToken());
  checks.push_back(
      FromStatus(absl::StrCat("teacher ", teacher.model()), status, teacher.endpoint()));
}

Check OutputCheck(const std::string& output_dir) {
  const std::string name = "output folder";
  const fs::path probe = fs::path(output_dir) / absl::StrCat(".writable-", RandomId());
  const absl::Status status = WriteFileAtomic(probe, "");
  std::error_code ignored;
  fs::remove(probe, ignored);
  return FromStatus(name, status, output_dir);
}

Check ProgramCheck(const std::string& name, bool needed, const std::string& advice) {
  const std::string path = SiblingProgram(name);
  const bool found = access(path.c_str(), X_OK) == 0;
  return {.name = absl::StrCat("program ", name),
          .ok = found,
          .needed = needed,
          .detail = found ? path : advice};
}

Check OnPath(const std::string& program, const std::string& advice) {
  const char* variable = getenv("PATH");
  std::string folder;
  for (const char* c = variable == nullptr ? "" : variable;; ++c) {
    if (*c != ':' && *c != '\0') {
      folder += *c;
      continue;
    }
    const std::string path = absl::StrCat(folder, "/", program);
    if (access(path.c_str(), X_OK) == 0) {
      return {
          .name = absl::StrCat("program ", program), .ok = true, .needed = false, .detail = path};
    }
    folder.clear();
    if (*c == '\0') break;
  }
  return {.name = absl::StrCat("program ", program), .needed = false, .detail = advice};
}

Check PostgresCheck() {
  const auto programs = postgres::FindPrograms("");
  return FromStatus("PostgreSQL", programs.status(), programs.ok() ? programs->string() : "");
}

Check MachineCheck() {
  struct sysinfo info {};
  sysinfo(&info);
  const double gib = static_cast<double>(info.totalram) * info.mem_unit / (1 << 30);
  return {
      .name = "machine",
      .ok = gib >= 3,
      .detail = absl::StrFormat("%u cores, %.0f GiB memory%s", std::thread::hardware_concurrency(),
                                gib, gib >= 3 ? "" : "; a 135M student needs about 3 GiB")};
}

}  // namespace

std::vector<Check> CheckMachine() {
  std::vector<Check> checks = {
      MachineCheck(),
      ProgramCheck("foundry-coordinator", true, "build the target foundry-coordinator"),
      ProgramCheck("foundry-node", true, "build the target foundry-node"),
      ProgramCheck("foundry-pdf", true, "build the target foundry-pdf (reads PDFs)"),
      PostgresCheck(),
      OnPath("tesseract", "install tesseract-ocr to read scanned pages"),
      ModelCheck("smollm2-135m-instruct"),
      ModelCheck("all-minilm-l6-v2"),
  };
  const absl::StatusOr<StateFolder> state = OpenStateFolder();
  checks.push_back(
      FromStatus("state folder", state.status(), state.ok() ? state->root.string() : ""));
  return checks;
}

std::vector<Check> CheckSpec(const PipelineSpec& spec) {
  std::vector<Check> checks;
  if (spec.inputs().merged_model().empty()) checks.push_back(ModelCheck(spec.models().student()));
  checks.push_back(ModelCheck(spec.models().embedder()));
  for (const Teacher& teacher : spec.models().teachers()) CheckTeacher(teacher, checks);
  for (const pipeline::v1::Source& source : spec.sources()) {
    if (source.password().empty()) continue;
    checks.push_back(FromStatus("password of " + source.pdf(),
                                ReadSecret(source.password()).status(), source.password()));
  }
  if (spec.sources_size() > 0) {
    const size_t files = SourceFiles(spec).size();
    checks.push_back({.name = "sources",
                      .ok = files > 0,
                      .detail = files > 0 ? absl::StrCat(files, " files")
                                          : "no file matches the sources of the spec"});
  }
  checks.push_back(OutputCheck(spec.output_dir()));
  return checks;
}

absl::Status Preflight(const PipelineSpec& spec) {
  std::vector<std::string> failed;
  absl::StatusCode code = absl::StatusCode::kOk;
  for (const Check& check : CheckSpec(spec)) {
    if (check.ok || !check.needed) continue;
    failed.push_back(absl::StrCat(check.name, ": ", check.detail));
    const bool same = code == absl::StatusCode::kOk || code == check.code;
    code = same ? check.code : absl::StatusCode::kFailedPrecondition;
  }
  if (failed.empty()) return absl::OkStatus();
  return absl::Status(
      code, absl::StrCat("this pipeline cannot run here:\n  ", absl::StrJoin(failed, "\n  ")));
}

}  // namespace foundry::cli
