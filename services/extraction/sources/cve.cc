#include "services/extraction/sources/cve.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/text/language.h"
#include "common/text/normalize.h"
#include "common/text/structure.h"

namespace foundry::extraction {
namespace {

constexpr size_t kMostProductsInText = 8;
constexpr size_t kMostVersionsInText = 6;

// Members of the wrong type count as absent: records of ten years differ.
const Json& At(const Json& object, const char* key) {
  static const auto* none = new Json();
  if (!object.is_object()) return *none;
  const auto it = object.find(key);
  return it == object.end() ? *none : *it;
}

std::string Text(const Json& object, const char* key) {
  const Json& value = At(object, key);
  return value.is_string() ? text::OneLine(value.get<std::string>()) : "";
}

const Json& List(const Json& object, const char* key) {
  static const auto* none = new Json(Json::array());
  const Json& value = At(object, key);
  return value.is_array() ? value : *none;
}

std::string Date(const std::string& timestamp) { return timestamp.substr(0, 10); }

void AddUnique(const std::string& value, std::vector<std::string>* out) {
  if (!value.empty() && std::find(out->begin(), out->end(), value) == out->end())
    out->push_back(value);
}

// English texts, or all when none is English.
std::vector<std::string> Descriptions(const Json& list) {
  std::vector<std::string> english, all;
  for (const Json& item : list) {
    const Json& value = At(item, "value");
    if (!value.is_string()) continue;
    text::NormalizeOptions options;
    options.collapse_spaces = true;
    const std::string clean = text::Normalize(value.get<std::string>(), options);
    AddUnique(clean, &all);
    if (absl::StartsWithIgnoreCase(Text(item, "lang"), "en")) AddUnique(clean, &english);
  }
  return english.empty() ? all : english;
}

void AddScore(const Json& data, CveFacts* facts) {
  const Json& base = At(data, "baseScore");
  if (!base.is_number()) return;
  CveFacts::Score score{Text(data, "version"), base.get<double>(), Text(data, "baseSeverity"),
                        Text(data, "vectorString")};
  for (const CveFacts::Score& other : facts->scores) {
    if (other.version == score.version && other.vector == score.vector) return;
  }
  facts->scores.push_back(std::move(score));
}

void SortScores(CveFacts* facts) {
  std::stable_sort(facts->scores.begin(), facts->scores.end(),
                   [](const auto& a, const auto& b) { return a.version > b.version; });
}

std::string VersionText(const Json& v) {
  if (Text(v, "status") == "unaffected") return "";
  const std::string version = Text(v, "version");
  const std::string less = Text(v, "lessThan"), at_most = Text(v, "lessThanOrEqual");
  const bool from_start = version.empty() || version == "0" || version == "*" ||
                          version == "unspecified" || version == "n/a";
  const std::string from = from_start ? "" : absl::StrCat("from ", version, " ");
  if (less == "*" || at_most == "*")
    return from_start ? "all versions" : absl::StrCat(version, " and later");
  if (!less.empty()) return absl::StrCat(from, "before ", less);
  if (!at_most.empty()) return absl::StrCat(from, from_start ? "up to " : "through ", at_most);
  return version == "n/a" || version == "unspecified" ? "" : version;
}

void AddContainer(const Json& container, CveFacts* facts) {
  if (facts->title.empty()) facts->title = Text(container, "title");
  for (const std::string& d : Descriptions(List(container, "descriptions")))
    AddUnique(d, &facts->descriptions);
  if (facts->descriptions.empty())
    facts->descriptions = Descriptions(List(container, "rejectedReasons"));
  for (const Json& type : List(container, "problemTypes")) {
    for (const Json& d : List(type, "descriptions")) {
      std::string id = Text(d, "cweId"), name = Text(d, "description");
      if (name == "n/a" || name == "NVD-CWE-noinfo") continue;
      if (id.empty() && absl::StartsWith(name, "CWE-"))
        id = name.substr(0, name.find_first_of(" :"));
      if (absl::StartsWith(name, id))
        name = std::string(absl::StripAsciiWhitespace(absl::string_view(name).substr(id.size())));
      if (absl::StartsWith(name, ":") || absl::StartsWith(name, "-"))
        name = std::string(absl::StripAsciiWhitespace(name.substr(1)));
      const bool known =
          !id.empty() && std::any_of(facts->weaknesses.begin(), facts->weaknesses.end(),
                                     [&](const std::string& w) {
                                       return w == id || absl::StartsWith(w, id + " ");
                                     });
      if (!known)
        AddUnique(std::string(absl::StripAsciiWhitespace(absl::StrCat(id, " ", name))),
                  &facts->weaknesses);
    }
  }
  for (const Json& metric : List(container, "metrics")) {
    for (const auto& [key, value] : metric.items()) {
      if (absl::StartsWith(key, "cvss")) AddScore(value, facts);
    }
  }
  for (const Json& reference : List(container, "references"))
    AddUnique(Text(reference, "url"), &facts->references);
}

void AddAffected(const Json& container, CveFacts* facts) {
  for (const Json& item : List(container, "affected")) {
    CveFacts::Product product{Text(item, "vendor"), Text(item, "product"), {}};
    if (product.vendor == "n/a") product.vendor.clear();
    if (product.product == "n/a" || product.product.empty()) continue;
    for (const Json& v : List(item, "versions")) AddUnique(VersionText(v), &product.versions);
    facts->affected.push_back(std::move(product));
  }
}

CveFacts ParseCve5(const Json& json) {
  CveFacts facts;
  const Json& meta = At(json, "cveMetadata");
  facts.id = Text(meta, "cveId");
  facts.state = Text(meta, "state");
  facts.published = Date(Text(meta, "datePublished"));
  facts.updated = Date(Text(meta, "dateUpdated"));
  const Json& containers = At(json, "containers");
  AddContainer(At(containers, "cna"), &facts);
  AddAffected(At(containers, "cna"), &facts);
  for (const Json& adp : List(containers, "adp")) {
    Json enrichment = adp;  // its title names the programme, not the flaw
    if (enrichment.is_object()) enrichment.erase("title");
    AddContainer(enrichment, &facts);
    if (facts.affected.empty()) AddAffected(adp, &facts);
  }
  SortScores(&facts);
  return facts;
}

// "cpe:2.3:a:vendor:product:1.2:…", with the range that the match gives.
void AddCpe(const Json& match, CveFacts* facts) {
  if (At(match, "vulnerable").is_boolean() && !At(match, "vulnerable").get<bool>()) return;
  const std::vector<std::string> parts = absl::StrSplit(Text(match, "criteria"), ':');
  if (parts.size() < 6) return;
  const auto plain = [](const std::string& s) {
    return absl::StrReplaceAll(s, {{"\\", ""}, {"_", " "}});
  };
  const std::string vendor = plain(parts[3]), product = plain(parts[4]);
  std::string range;
  if (const std::string v = Text(match, "versionStartIncluding"); !v.empty())
    absl::StrAppend(&range, "from ", v, " ");
  if (const std::string v = Text(match, "versionStartExcluding"); !v.empty())
    absl::StrAppend(&range, "after ", v, " ");
  const bool open = range.empty();
  if (const std::string v = Text(match, "versionEndExcluding"); !v.empty())
    absl::StrAppend(&range, "before ", v);
  if (const std::string v = Text(match, "versionEndIncluding"); !v.empty())
    absl::StrAppend(&range, open ? "up to " : "through ", v);
  if (range.empty())
    range = parts[5] == "*" ? "all versions" : parts[5] == "-" ? "" : plain(parts[5]);
  range = std::string(absl::StripAsciiWhitespace(range));
  for (CveFacts::Product& known : facts->affected) {
    if (known.vendor != vendor || known.product != product) continue;
    AddUnique(range, &known.versions);
    return;
  }
  facts->affected.push_back(
      {vendor, product,
       range.empty() ? std::vector<std::string>() : std::vector<std::string>{range}});
}

CveFacts ParseNvd(const Json& cve) {
  CveFacts facts;
  facts.id = Text(cve, "id");
  facts.state = Text(cve, "vulnStatus");
  facts.published = Date(Text(cve, "published"));
  facts.updated = Date(Text(cve, "lastModified"));
  facts.descriptions = Descriptions(List(cve, "descriptions"));
  for (const Json& weakness : List(cve, "weaknesses")) {
    for (const Json& d : List(weakness, "description")) {
      const std::string name = Text(d, "value");
      if (!absl::StartsWith(name, "NVD-CWE")) AddUnique(name, &facts.weaknesses);
    }
  }
  if (At(cve, "metrics").is_object()) {
    for (const auto& [key, list] : At(cve, "metrics").items()) {
      if (!list.is_array()) continue;
      for (const Json& metric : list) {
        Json data = At(metric, "cvssData");
        // Version 2 keeps the severity beside the data.
        if (data.is_object() && !data.contains("baseSeverity"))
          data["baseSeverity"] = Text(metric, "baseSeverity");
        AddScore(data, &facts);
      }
    }
  }
  for (const Json& configuration : List(cve, "configurations")) {
    for (const Json& node : List(configuration, "nodes")) {
      for (const Json& match : List(node, "cpeMatch")) AddCpe(match, &facts);
    }
  }
  for (const Json& reference : List(cve, "references"))
    AddUnique(Text(reference, "url"), &facts.references);
  SortScores(&facts);
  return facts;
}

// "MiniCMS by bg5sbk (1.11)".
std::string ProductText(const CveFacts::Product& p) {
  const bool named = absl::StartsWithIgnoreCase(p.product, p.vendor);
  std::string out = p.vendor.empty() || named ? p.product : absl::StrCat(p.vendor, " ", p.product);
  if (!p.versions.empty()) {
    const size_t shown = std::min(p.versions.size(), kMostVersionsInText);
    absl::StrAppend(&out, " (", absl::StrJoin(p.versions.begin(), p.versions.begin() + shown, ", "),
                    shown < p.versions.size() ? ", …" : "", ")");
  }
  return out;
}

Json MetadataOf(const CveFacts& facts) {
  Json scores = Json::array(), affected = Json::array();
  for (const auto& s : facts.scores) {
    scores.push_back({{"version", s.version},
                      {"score", s.base},
                      {"severity", s.severity},
                      {"vector", s.vector}});
  }
  for (const auto& p : facts.affected) {
    affected.push_back({{"vendor", p.vendor}, {"product", p.product}, {"versions", p.versions}});
  }
  return {{"kind", "cve"},
          {"cve_id", facts.id},
          {"state", facts.state},
          {"published", facts.published},
          {"updated", facts.updated},
          {"cwe", facts.weaknesses},
          {"cvss", std::move(scores)},
          {"affected", std::move(affected)},
          {"references", facts.references}};
}

}  // namespace

absl::StatusOr<std::vector<CveFacts>> ParseCve(const Json& json) {
  std::vector<CveFacts> out;
  const Json& page = At(json, "vulnerabilities");
  if (At(json, "cveMetadata").is_object()) {
    out.push_back(ParseCve5(json));
  } else if (page.is_array()) {
    for (const Json& item : page) out.push_back(ParseNvd(At(item, "cve")));
  } else if (At(json, "descriptions").is_array() && absl::StartsWith(Text(json, "id"), "CVE-")) {
    out.push_back(ParseNvd(json));
  } else if (json.is_array() && !json.empty()) {
    for (const Json& item : json) {
      absl::StatusOr<std::vector<CveFacts>> one = ParseCve(item);
      if (!one.ok()) return one.status();
      out.insert(out.end(), one->begin(), one->end());
    }
  } else if (At(json, "CVE_Items").is_array() || At(json, "CVE_data_meta").is_object()) {
    return absl::InvalidArgumentError(
        "an older CVE format (4.0 or NVD 1.1): convert it to CVE 5.x or NVD 2.0");
  } else {
    return absl::InvalidArgumentError(
        "neither a CVE 5.x record (cveMetadata) nor an NVD 2.0 page (vulnerabilities)");
  }
  for (const CveFacts& facts : out) {
    if (facts.id.empty()) return absl::InvalidArgumentError("a record has no CVE id");
  }
  return out;
}

absl::StatusOr<dataset::Document> CveDocument(const CveFacts& facts) {
  if (facts.descriptions.empty())
    return absl::InvalidArgumentError("the record has no description");
  dataset::Document document;
  document.url = absl::StrCat("https://www.cve.org/CVERecord?id=", facts.id);
  document.title = facts.title.empty() ? facts.id : absl::StrCat(facts.id, ": ", facts.title);
  std::vector<std::string> paragraphs = {document.title};
  paragraphs.insert(paragraphs.end(), facts.descriptions.begin(), facts.descriptions.end());
  if (!facts.affected.empty()) {
    std::vector<std::string> products;
    for (size_t i = 0; i < std::min(facts.affected.size(), kMostProductsInText); ++i) {
      AddUnique(ProductText(facts.affected[i]), &products);
    }
    const size_t more =
        facts.affected.size() - std::min(facts.affected.size(), kMostProductsInText);
    paragraphs.push_back(absl::StrCat(facts.id, " affects ", absl::StrJoin(products, "; "),
                                      more > 0 ? absl::StrCat(" and ", more, " more products") : "",
                                      "."));
  }
  if (!facts.weaknesses.empty()) {
    paragraphs.push_back(absl::StrCat("The weakness behind ", facts.id, " is ",
                                      absl::StrJoin(facts.weaknesses, "; "), "."));
  }
  if (!facts.scores.empty()) {
    const CveFacts::Score& s = facts.scores[0];
    paragraphs.push_back(absl::StrCat(
        "The CVSS ", s.version, " base score of ", facts.id, " is ",
        absl::StrFormat("%.1f", s.base),
        s.severity.empty() ? "" : absl::StrCat(" (", absl::AsciiStrToLower(s.severity), ")"),
        s.vector.empty() ? "" : absl::StrCat(", vector ", s.vector), "."));
  }
  if (!facts.published.empty())
    paragraphs.push_back(absl::StrCat(facts.id, " was published on ", facts.published, "."));
  document.text = text::Normalize(absl::StrJoin(paragraphs, "\n\n"));
  document.metadata = MetadataOf(facts);
  document.metadata["language"] = text::GuessLanguage(document.text).code;
  const text::Heading title{{0, static_cast<int64_t>(document.text.find("\n\n"))}, 1};
  text::FillStructure({title}, &document);
  return document;
}

}  // namespace foundry::extraction
