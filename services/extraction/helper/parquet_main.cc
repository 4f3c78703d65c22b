// foundry-parquet: reads one Parquet file and writes its rows as JSON lines: {"row": {…}}, and at
// the end {"done": rows} or {"error", "reason"}. Confines itself; limits come from the caller.
#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <stdio.h>

#include <cmath>
#include <iostream>
#include <memory>
#include <new>

#include "common/base/json.h"
#include "common/base/parent.h"
#include "common/text/utf8.h"
#include "services/extraction/helper/sandbox.h"

namespace foundry::extraction {
namespace {

void Emit(const Json& json) {
  const std::string line = DumpJson(json) + "\n";
  fwrite(line.data(), 1, line.size(), stdout);
}

int Fail(const std::string& reason, std::string message) {
  if (const size_t newline = message.find('\n'); newline != std::string::npos)
    message.resize(newline);
  Emit({{"error", text::RepairUtf8(message)}, {"reason", reason}});
  fflush(stdout);
  return 2;
}

template <typename ArrayType>
Json Number(const arrow::Array& array, int64_t i) {
  const auto value = static_cast<const ArrayType&>(array).Value(i);
  if constexpr (std::is_floating_point_v<decltype(value)>) {
    if (!std::isfinite(value)) return nullptr;  // JSON has no NaN
  }
  return value;
}

template <typename ArrayType>
Json Bytes(const arrow::Array& array, int64_t i) {
  const auto view = static_cast<const ArrayType&>(array).GetView(i);
  const absl::string_view bytes(view.data(), view.size());
  // Binary columns often hold text; what is none is told by its size.
  if (text::IsValidUtf8(bytes)) return std::string(bytes);
  return "<" + std::to_string(bytes.size()) + " bytes>";
}

Json ValueAt(const arrow::Array& array, int64_t i);

template <typename ArrayType>
Json List(const arrow::Array& array, int64_t i) {
  const auto& list = static_cast<const ArrayType&>(array);
  Json out = Json::array();
  const std::shared_ptr<arrow::Array> values = list.value_slice(i);
  for (int64_t j = 0; j < values->length(); ++j) out.push_back(ValueAt(*values, j));
  return out;
}

Json Struct(const arrow::StructArray& array, int64_t i) {
  Json out = Json::object();
  for (int f = 0; f < array.num_fields(); ++f) {
    out[text::RepairUtf8(array.struct_type()->field(f)->name())] = ValueAt(*array.field(f), i);
  }
  return out;
}

Json ValueAt(const arrow::Array& array, int64_t i) {
  if (array.IsNull(i)) return nullptr;
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(array).Value(i);
    case arrow::Type::INT8:
      return Number<arrow::Int8Array>(array, i);
    case arrow::Type::INT16:
      return Number<arrow::Int16Array>(array, i);
    case arrow::Type::INT32:
      return Number<arrow::Int32Array>(array, i);
    case arrow::Type::INT64:
      return Number<arrow::Int64Array>(array, i);
    case arrow::Type::UINT8:
      return Number<arrow::UInt8Array>(array, i);
    case arrow::Type::UINT16:
      return Number<arrow::UInt16Array>(array, i);
    case arrow::Type::UINT32:
      return Number<arrow::UInt32Array>(array, i);
    case arrow::Type::UINT64:
      return Number<arrow::UInt64Array>(array, i);
    case arrow::Type::FLOAT:
      return Number<arrow::FloatArray>(array, i);
    case arrow::Type::DOUBLE:
      return Number<arrow::DoubleArray>(array, i);
    case arrow::Type::STRING:
      return Bytes<arrow::StringArray>(array, i);
    case arrow::Type::BINARY:
      return Bytes<arrow::BinaryArray>(array, i);
    case arrow::Type::LARGE_STRING:
      return Bytes<arrow::LargeStringArray>(array, i);
    case arrow::Type::LARGE_BINARY:
      return Bytes<arrow::LargeBinaryArray>(array, i);
    case arrow::Type::LIST:
      return List<arrow::ListArray>(array, i);
    case arrow::Type::LARGE_LIST:
      return List<arrow::LargeListArray>(array, i);
    case arrow::Type::MAP:
      return List<arrow::MapArray>(array, i);
    case arrow::Type::STRUCT:
      return Struct(static_cast<const arrow::StructArray&>(array), i);
    default: {
      const auto scalar = array.GetScalar(i);
      return scalar.ok() ? Json(text::RepairUtf8((*scalar)->ToString())) : Json();
    }
  }
}

std::string Reason(const arrow::Status& status) {
  if (status.IsOutOfMemory()) return "memory";
  if (status.message().find("encrypt") != std::string::npos ||
      status.message().find("decrypt") != std::string::npos) {
    return "encrypted";
  }
  return status.IsNotImplemented() ? "unsupported" : "malformed";
}

int Run(const std::string& path) {
  const auto input = arrow::io::ReadableFile::Open(path);
  if (!input.ok()) return Fail("unreadable", input.status().message());
  parquet::arrow::FileReaderBuilder builder;
  parquet::ReaderProperties properties;
  properties.set_page_checksum_verification(true);
  if (const arrow::Status s = builder.Open(*input, properties); !s.ok())
    return Fail(Reason(s), s.message());
  std::unique_ptr<parquet::arrow::FileReader> reader;
  parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
  arrow_properties.set_batch_size(1024);
  arrow_properties.set_pre_buffer(false);
  builder.properties(arrow_properties);
  if (const arrow::Status s = builder.Build(&reader); !s.ok()) return Fail(Reason(s), s.message());
  auto batches = reader->GetRecordBatchReader();
  if (!batches.ok()) return Fail(Reason(batches.status()), batches.status().message());
  int64_t rows = 0;
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    if (const arrow::Status s = (*batches)->ReadNext(&batch); !s.ok())
      return Fail(Reason(s), s.message());
    if (batch == nullptr) break;
    // Offsets and lengths come from the file: nothing is read before they are checked.
    if (const arrow::Status s = batch->ValidateFull(); !s.ok())
      return Fail("malformed", s.message());
    for (int64_t i = 0; i < batch->num_rows(); ++i, ++rows) {
      Json row = Json::object();
      for (int c = 0; c < batch->num_columns(); ++c) {
        row[text::RepairUtf8(batch->column_name(c))] = ValueAt(*batch->column(c), i);
      }
      Emit({{"row", std::move(row)}});
    }
  }
  Emit({{"done", rows}});
  return fflush(stdout) == 0 ? 0 : 1;
}

int Main(int argc, char** argv) {
  EndWithParent();
  if (argc != 2) {
    std::cerr << "usage: foundry-parquet FILE </dev/null\n";
    return 64;
  }
  std::cin.get();  // the caller closes it once the limits stand
  if (const absl::Status confined = EnterSandbox(); !confined.ok())
    return Fail("sandbox", std::string(confined.message()));
  try {
    return Run(argv[1]);
  } catch (const std::bad_alloc&) {
    return Fail("memory", "the memory limit was reached");
  } catch (const std::exception& e) {
    return Fail("malformed", e.what());
  }
}

}  // namespace
}  // namespace foundry::extraction

int main(int argc, char** argv) { return foundry::extraction::Main(argc, argv); }
