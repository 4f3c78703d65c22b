// The study of one document, as it is kept between attempts.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/json.h"
#include "services/self_study/study.h"

namespace foundry::self_study {

struct DocumentStudy {
  Json results = Json::array();  // the user's file
  std::vector<dataset::Pair> failed;
  int64_t questions = 0, passed = 0, probes = 0, unanswered = 0, refused = 0, overruled = 0;
  double similarity = 0, quality = 0;                                // sums over the questions
  std::map<std::string, std::pair<int64_t, int64_t>> by_difficulty;  // asked, passed
};

Json ToJson(const DocumentStudy& study);
absl::StatusOr<DocumentStudy> DocumentStudyFromJson(const Json& json);

// `pairs`: of this document, none of the test split. `held_out`: dataset::QuestionKey of its dev
// and test questions, which no new wording repeats. `weak`: keys of facts that failed before.
absl::StatusOr<DocumentStudy> StudyDocument(const dataset::Document& document,
                                            const std::vector<dataset::Pair>& pairs,
                                            const std::set<std::string>& held_out,
                                            const std::set<std::string>& weak,
                                            const StudyModels& models, const StudyOptions& options);

}  // namespace foundry::self_study
