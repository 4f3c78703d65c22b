// extract: documents into records, without a job.
#include <cstdio>
#include <map>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/hash.h"
#include "common/base/listing.h"
#include "common/base/secret.h"
#include "common/base/status.h"
#include "common/dataset/io.h"
#include "services/extraction/collector.h"
#include "services/extraction/enrich.h"
#include "services/extraction/parallel_read.h"
#include "services/extraction/sources/list_files.h"
#include "tools/foundry/commands.h"

namespace foundry::cli {
namespace {

namespace fs = std::filesystem;
using extraction::FileResult;
using extraction::InputFile;

struct Options {
  std::vector<std::string> paths;
  int jobs = 0;  // 0: the number of cores
  std::vector<std::string> passwords;
  std::string ocr = "auto", ocr_languages = "eng";
  std::vector<std::string> text_fields;
  std::string published_after;
  std::string deduplicate = "files";
  double min_quality = 0;
  int64_t max_samples = 0;
  double timeout = 120;
  int64_t memory_limit = 1024;
  bool enrich = false, quiet = false;
  std::string outcomes;
};

struct Inputs {
  std::vector<InputFile> files;
  std::vector<dataset::Outcome> left_out;  // named files of no known kind, and copies of others
  int64_t copies = 0;
  int64_t left_alone = 0;  // other files in folders
};

dataset::Outcome LeftOut(const fs::path& path, const std::string& status, const std::string& reason,
                         const std::string& message) {
  dataset::Outcome outcome;
  outcome.source = path.string();
  outcome.status = status;
  outcome.reason = reason;
  outcome.message = message;
  return outcome;
}

// The files of every path, with the kind that their content shows.
absl::StatusOr<Inputs> FindInputs(const Options& options) {
  Inputs out;
  std::map<std::string, std::string> seen;  // hash of the bytes → path
  for (size_t i = 0; i < options.paths.size(); ++i) {
    const fs::path given = options.paths[i];
    std::error_code error;
    const bool folder = fs::is_directory(given, error);
    if (!folder && !fs::exists(given, error)) {
      return absl::NotFoundError(absl::StrCat(given.string(), ": no such file or folder"));
    }
    std::vector<fs::path> names = {given.filename()};
    if (folder) {
      FOUNDRY_ASSIGN_OR_RETURN(names, ListFiles(given));
    }
    for (const fs::path& name : names) {
      const fs::path path = folder ? given / name : given;
      const auto kind = extraction::DetectKind(path);
      if (!kind && folder) {
        ++out.left_alone;
        continue;
      }
      if (!kind) {
        out.left_out.push_back(LeftOut(path, "refused", "unknown_kind",
                                       "neither PDF, JSON, JSON lines, Parquet nor a CVE record"));
        continue;
      }
      if (options.deduplicate != "none") {
        const absl::StatusOr<std::string> hash = Sha256HexOfFile(path);
        const auto [same, added] = seen.try_emplace(hash.value_or(path.string()), path.string());
        if (!added && fs::file_size(path, error) > 0) {
          out.left_out.push_back(LeftOut(path, "duplicate", "exact_duplicate",
                                         absl::StrCat("same bytes as ", same->second)));
          ++out.copies;
          continue;
        }
      }
      out.files.push_back({static_cast<int>(i), *kind, path, name.generic_string()});
    }
  }
  return out;
}

// A password itself, or a reference to it: env:NAME, file:PATH.
absl::StatusOr<std::string> Passwords(const std::vector<std::string>& given) {
  std::vector<std::string> out;
  for (const std::string& password : given) {
    if (absl::StartsWith(password, "env:") || absl::StartsWith(password, "file:")) {
      FOUNDRY_ASSIGN_OR_RETURN(std::string secret, ReadSecret(password));
      out.push_back(std::move(secret));
    } else {
      out.push_back(password);
    }
  }
  return absl::StrJoin(out, "\n");
}

std::string Describe(const dataset::Outcome& o) {
  std::string what = absl::StrFormat("%-9s %s:", o.status, o.source);
  if (o.documents > 0)
    absl::StrAppend(&what, " ", o.documents, o.documents == 1 ? " document" : " documents");
  if (o.pages > 0)
    absl::StrAppend(&what, o.documents > 0 ? "," : "", " ", o.pages,
                    o.pages == 1 ? " page" : " pages");
  if (o.scanned_pages > 0) absl::StrAppend(&what, ", ", o.scanned_pages, " without text (scanned)");
  if (!o.reason.empty()) absl::StrAppend(&what, " ", o.reason);
  if (!o.message.empty()) absl::StrAppend(&what, ": ", o.message);
  return what;
}

// Writes records and outcomes as they come, in the inputs' order.
class Writer {
 public:
  explicit Writer(const Options& options) : options_(options) {}

  absl::Status Write(extraction::Collector* collector) {
    for (dataset::Document& document : collector->TakeDocuments()) {
      // Files of the same name in several folders.
      const int times = ids_[document.id]++;
      if (times > 0) absl::StrAppend(&document.id, "-", times + 1);
      if (options_.enrich) {
        extraction::EnrichCounts counts;
        FOUNDRY_RETURN_IF_ERROR(extraction::EnrichDocument({}, CancelToken(), &document, &counts));
      }
      const std::string line = DumpJson(dataset::ToJson(document)) + "\n";
      if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size()) {
        return absl::DataLossError("cannot write to standard output");
      }
    }
    for (const dataset::Outcome& outcome : collector->TakeOutcomes()) Tell(outcome);
    return absl::OkStatus();
  }

  void Tell(const dataset::Outcome& outcome) {
    const bool fine =
        outcome.status == "ok" || outcome.status == "duplicate" || outcome.status == "filtered";
    lost_ = lost_ || !fine;
    if (!options_.quiet || !fine) std::fprintf(stderr, "%s\n", Describe(outcome).c_str());
    if (!options_.outcomes.empty()) rows_.push_back(dataset::ToJson(outcome));
  }

  absl::Status Finish() {
    if (std::fflush(stdout) != 0) return absl::DataLossError("cannot write to standard output");
    return options_.outcomes.empty() ? absl::OkStatus()
                                     : dataset::WriteJsonLines(options_.outcomes, rows_);
  }

  bool lost() const { return lost_; }

 private:
  const Options& options_;
  std::map<std::string, int> ids_;
  std::vector<Json> rows_;
  bool lost_ = false;
};

absl::StatusOr<int> Run(const Options& options) {
  FOUNDRY_ASSIGN_OR_RETURN(const Inputs inputs, FindInputs(options));
  FOUNDRY_ASSIGN_OR_RETURN(const std::string passwords, Passwords(options.passwords));
  const std::string deduplicate = options.deduplicate == "files" ? "none" : options.deduplicate;
  extraction::Collector collector({deduplicate, options.min_quality, options.max_samples});
  Writer writer(options);
  for (const dataset::Outcome& outcome : inputs.left_out) writer.Tell(outcome);
  extraction::ParallelReadOptions read;
  read.jobs = options.jobs > 0 ? options.jobs : extraction::CappedJobs(1 << 10);
  read.options_for = [&](const InputFile&) {
    extraction::ReadOptions one;
    one.source.password = passwords;
    one.source.text_fields = options.text_fields;
    one.source.published_after = options.published_after;
    one.ocr = options.ocr;
    one.ocr_languages = options.ocr_languages;
    one.timeout = absl::Seconds(options.timeout);
    one.memory_mib = options.memory_limit;
    return one;
  };
  read.on_result = [&](size_t, FileResult result) -> absl::StatusOr<bool> {
    collector.Add(std::move(result));
    FOUNDRY_RETURN_IF_ERROR(writer.Write(&collector));
    return !collector.Full();
  };
  FOUNDRY_RETURN_IF_ERROR(extraction::ReadInParallel(inputs.files, read));
  FOUNDRY_RETURN_IF_ERROR(writer.Finish());
  for (const std::string& warning : collector.TakeWarnings())
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  std::string totals;
  std::map<std::string, int64_t> counts = collector.counts();
  counts["documents"] += 0;
  counts["files"] += static_cast<int64_t>(inputs.left_out.size());
  counts["duplicates_exact"] += inputs.copies;
  for (const auto& [name, count] : counts) {
    if (count > 0 || name == "documents")
      absl::StrAppend(&totals, totals.empty() ? "" : ", ", name, " ", count);
  }
  if (inputs.left_alone > 0)
    absl::StrAppend(&totals, ", other_files_left_alone ", inputs.left_alone);
  std::fprintf(stderr, "total: %s\n", totals.c_str());
  if (counts["documents"] == 0) {
    if (!writer.lost() && inputs.files.empty()) std::fprintf(stderr, "foundry: no files to read\n");
    return kFailed;
  }
  return writer.lost() ? kPartial : kOk;
}

}  // namespace

void RegisterExtract(Frame& frame) {
  auto o = std::make_shared<Options>();
  CLI::App* command =
      frame.Add("extract", "Read documents into records: JSON lines on stdout, outcomes on stderr");
  command
      ->add_option("paths", o->paths,
                   "PDF, JSON, JSON lines (.gz), Parquet and CVE files, or folders of them")
      ->required();
  command
      ->add_option("-j,--jobs", o->jobs,
                   "files read at once; the records do not depend on it (default: cores)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--password", o->passwords,
                      "password of encrypted PDFs: itself, env:NAME or file:PATH; may be repeated");
  command->add_option("--ocr", o->ocr, "recognise text: auto (pages without text), never, always")
      ->check(CLI::IsMember({"auto", "never", "always"}));
  command->add_option("--ocr-languages", o->ocr_languages,
                      "tesseract's languages, such as eng+deu");
  command->add_option(
      "--text-field", o->text_fields,
      "column of data sets that holds text; may be repeated (default: the usual names)");
  command->add_option("--published-after", o->published_after,
                      "leave out CVE records published before YYYY-MM-DD");
  command
      ->add_option("--deduplicate", o->deduplicate,
                   "drop what was read before: none, files (copies of a file; default), exact "
                   "(documents of the same text), near")
      ->check(CLI::IsMember({"none", "files", "exact", "near"}));
  command
      ->add_option("--min-quality", o->min_quality,
                   "drop documents of lower text quality (default: 0, keep all)")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--max-samples", o->max_samples, "at most this many documents (default: all)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--timeout", o->timeout, "seconds for one file (default: 120)")
      ->check(CLI::Range(0.001, 3600.0));
  command
      ->add_option("--memory-limit", o->memory_limit,
                   "MiB for the process that parses one file (default: 1024)")
      ->check(CLI::Range(64, 65536));
  command->add_flag("--enrich", o->enrich, "add entities, keywords and a summary, without a model");
  command->add_option("--outcomes", o->outcomes,
                      "also write what became of each file to this file, as JSON lines");
  command->add_flag("-q,--quiet", o->quiet, "on stderr only what was lost, and totals");
  command->footer(
      "Exit codes: 0 all read, 1 no document, 2 wrong flags, 3 some files or rows were refused, 4 "
      "no such path.");
  frame.On(command, [o] {
    const absl::StatusOr<int> code = Run(*o);
    return code.ok() ? *code : Report(code.status());
  });
}

}  // namespace foundry::cli
