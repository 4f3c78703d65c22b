// Plain text tables for people.
#pragma once

#include <string>
#include <vector>

namespace foundry::cli {

// Columns are as wide as their widest cell (UTF-8 characters count once), two spaces apart; the
// first row is the header.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace foundry::cli
