// The files of common/text/data, compiled in.
#pragma once

namespace foundry::text {

extern const char kStopwordsTxt[];
extern const char kGazetteerTxt[];

}  // namespace foundry::text
