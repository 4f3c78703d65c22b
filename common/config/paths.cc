#include "common/config/paths.h"

#include <filesystem>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/listing.h"
#include "common/config/settings.h"
#include "common/config/walk.h"

namespace foundry::config {
namespace {

namespace fs = std::filesystem;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;

bool Exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

fs::path Absolute(const std::string& value, const Problems& problems, const std::string& path) {
  const fs::path given(value);
  if (given.is_absolute()) return given.lexically_normal();
  std::error_code error;
  fs::path folder = problems.OriginOf(path).folder;
  if (folder.empty()) folder = ".";
  return fs::absolute(folder / given, error).lexically_normal();
}

bool IsAddress(const std::string& value) { return absl::StrContains(value, "://"); }

bool LooksLikePath(const std::string& value) {
  return absl::StartsWith(value, "/") || absl::StartsWith(value, ".") ||
         absl::EndsWith(value, ".gguf");
}

// Fields that hold a path or a name.
bool MayBePath(const FieldDescriptor& field) {
  static const std::set<std::string> fields = {
      "foundry.pipeline.v1.Models.student",     "foundry.pipeline.v1.Models.soft_teacher",
      "foundry.pipeline.v1.Models.embedder",    "foundry.pipeline.v1.Teacher.model",
      "foundry.pipeline.v1.Source.huggingface", "foundry.pipeline.v1.Enrichment.entity_model",
  };
  return fields.count(field.full_name()) > 0;
}

bool IsReserved(const std::string& value) {
  static const std::set<std::string> reserved = {"auto", "none", "extractive", "default",
                                                 "teacher"};
  return reserved.count(value) > 0;
}

class Resolver {
 public:
  Resolver(bool must_exist, Problems* problems) : must_exist_(must_exist), problems_(problems) {}

  std::string Input(const std::string& value, const std::string& path) {
    if (value.empty()) {
      problems_->Add(path, "must name a file or folder");
      return value;
    }
    const fs::path absolute = Absolute(value, *problems_, path);
    if (must_exist_ && !Exists(absolute)) Missing(absolute, path);
    return absolute.string();
  }

  std::string PathOrName(const std::string& value, const std::string& path) {
    if (value.empty() || IsReserved(value) || IsAddress(value)) return value;
    const fs::path absolute = Absolute(value, *problems_, path);
    if (Exists(absolute)) return absolute.string();
    if (!LooksLikePath(value)) return value;
    if (must_exist_) Missing(absolute, path);
    return absolute.string();
  }

  std::string Pattern(const std::string& value, const std::string& path) {
    const std::string absolute = Absolute(value, *problems_, path).string();
    if (SplitPattern(absolute).pattern.empty()) return Input(value, path);
    if (must_exist_ && MatchPaths(absolute).empty()) {
      problems_->Add(path, absl::StrCat("no file matches ", absolute));
    }
    return absolute;
  }

  std::string Secret(const std::string& value, const std::string& path) {
    if (!absl::StartsWith(value, "file:")) return value;
    return absl::StrCat("file:", Input(value.substr(5), path));
  }

  std::string Output(const std::string& value, const std::string& path) {
    if (value.empty() || IsAddress(value)) {
      problems_->Add(path, absl::StrCat("must name a folder, got \"", value, "\""));
      return value;
    }
    return Absolute(value, *problems_, path).string();
  }

 private:
  void Missing(const fs::path& absolute, const std::string& path) {
    problems_->Add(path, absl::StrCat("no such file or folder: ", absolute.string()));
  }

  const bool must_exist_;
  Problems* const problems_;
};

}  // namespace

void ResolvePaths(bool must_exist, pipeline::v1::PipelineSpec* spec, Problems* problems) {
  Resolver resolver(must_exist, problems);
  VisitFields(*spec, "",
              [&resolver](Message& message, const FieldDescriptor& field, int index,
                          const std::string& path) {
                if (field.cpp_type() != FieldDescriptor::CPPTYPE_STRING) return;
                if (field.is_repeated() || !message.GetReflection()->HasField(message, &field))
                  return;
                const std::string value = GetText(message, field, index);
                const common::v1::Setting& setting = SettingOf(field);
                std::string resolved = value;
                if (setting.input_path()) {
                  resolved = resolver.Input(value, path);
                } else if (setting.secret()) {
                  resolved = resolver.Secret(value, path);
                } else if (field.full_name() == "foundry.pipeline.v1.Source.json") {
                  resolved = resolver.Pattern(value, path);
                } else if (field.full_name() == "foundry.pipeline.v1.PipelineSpec.output_dir") {
                  resolved = resolver.Output(value, path);
                } else if (MayBePath(field)) {
                  const auto* teacher = dynamic_cast<const pipeline::v1::Teacher*>(&message);
                  // Behind an endpoint the model is that server's name for it.
                  if (teacher == nullptr || !teacher->has_endpoint()) {
                    resolved = resolver.PathOrName(value, path);
                  }
                }
                if (resolved != value) SetText(message, field, index, std::move(resolved));
              });
}

}  // namespace foundry::config
