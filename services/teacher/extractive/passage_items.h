// Items about paragraphs, sections and the whole document. Thread-safe (no state).
#pragma once

#include <string>
#include <vector>

#include "common/dataset/records.h"
#include "services/teacher/extractive/item.h"

namespace foundry::teacher::extractive {

// `topic`: what the document is called.
std::vector<Item> PassageItems(const dataset::Document& document, const std::string& topic,
                               const std::vector<SourceSentence>& sentences);

}  // namespace foundry::teacher::extractive
