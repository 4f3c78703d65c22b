#include "services/coordinator/planner/fingerprint.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace foundry::coordinator {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Raise a request's version when its stage's outputs change for the same request.
int VersionOf(v1::StageRequest::RequestCase request) {
  using v1::StageRequest;
  switch (request) {
    case StageRequest::kExtract:
      return 2;
    case StageRequest::kEnrich:
      return 2;
    case StageRequest::kGeneratePairs:
      return 4;
    case StageRequest::kTrain:
      return 4;
    case StageRequest::kMerge:
      return 1;
    case StageRequest::kStudy:
      return 3;
    case StageRequest::kMix:
      return 2;
    case StageRequest::kEvaluate:
      return 3;
    case StageRequest::kReport:
      return 2;
    case StageRequest::REQUEST_NOT_SET:
      return 0;
  }
  return 0;
}

// Fields by full name below foundry., or by name alone, that do not change the output.
constexpr absl::string_view kIgnored[] = {
    "output_prefix", "use_gpu", "batch_size", "shards", "api_key", "password",
    "Teacher.max_concurrency", "Teacher.requests_per_minute", "Teacher.timeout",
    "Distillation.gradient_checkpointing", "Distillation.devices", "Distillation.min_devices",
    "Distillation.memory_limit", "Distillation.tensor_parallel",
    // What these say reaches the requests as inputs, data sets and training settings of their own.
    "Evaluation.compare", "Evaluation.previous", "Evaluation.datasets", "SelfStudy.iterations",
    "SelfStudy.epochs", "SelfStudy.documents"};

// What the string in them names is read: its hash stands for it.
constexpr absl::string_view kFiles[] = {"Input.path",       "Source.pdf",         "Source.cve",
                                        "Source.json",      "Source.huggingface", "Dataset.qa",
                                        "Dataset.commands", "Dataset.domain"};
// A file, or a name that stands for itself.
constexpr absl::string_view kModels[] = {"ModelRef.name", "Teacher.model",
                                         "TrainRequest.soft_teacher"};

template <size_t N>
bool IsOneOf(const FieldDescriptor& field, const absl::string_view (&names)[N]) {
  const std::string qualified = absl::StrCat(field.containing_type()->name(), ".", field.name());
  return std::any_of(std::begin(names), std::end(names), [&](absl::string_view name) {
    return name == field.name() || name == qualified;
  });
}

class Canonicaliser {
 public:
  explicit Canonicaliser(const InputFacts& facts) : facts_(facts) {}
  bool known() const { return known_; }

  void Walk(Message* message) {
    const auto* reflection = message->GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection->ListFields(*message, &fields);
    for (const FieldDescriptor* field : fields) {
      if (IsOneOf(*field, kIgnored)) {
        reflection->ClearField(message, field);
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        if (!field->is_repeated()) {
          Walk(reflection->MutableMessage(message, field));
          continue;
        }
        for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
          Walk(reflection->MutableRepeatedMessage(message, field, i));
        }
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING && !field->is_repeated()) {
        const bool file = IsOneOf(*field, kFiles);
        if (file || IsOneOf(*field, kModels)) {
          reflection->SetString(message, field,
                                HashFor(reflection->GetString(*message, field), file));
        }
      }
    }
  }

 private:
  std::string HashFor(const std::string& value, bool must_be_known) {
    const auto found = facts_.hashes.find(value);
    if (found != facts_.hashes.end()) return absl::StrCat("sha256:", found->second);
    if (must_be_known || absl::StartsWith(value, "/")) known_ = false;
    return value;
  }

  const InputFacts& facts_;
  bool known_ = true;
};

}  // namespace

std::string Fingerprint(const v1::StageRequest& original, const InputFacts& facts) {
  v1::StageRequest request = original;
  // The examples of a step matter, not how they are split into micro-batches.
  int64_t effective_batch = 0;
  if (request.has_train()) {
    auto* settings = request.mutable_train()->mutable_settings();
    effective_batch =
        int64_t{request.train().batch_size()} * std::max(1, settings->gradient_accumulation());
    settings->clear_gradient_accumulation();
  }
  Canonicaliser canonicaliser(facts);
  canonicaliser.Walk(&request);
  if (!canonicaliser.known()) return "";
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    request.SerializeToCodedStream(&coded);
  }
  return Sha256Hex(
      absl::StrCat(VersionOf(original.request_case()), "/", effective_batch, "/", bytes));
}

}  // namespace foundry::coordinator
