#include "common/lm/lora/adapter.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include <ATen/CPUGeneratorImpl.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/lm/lora/adapter_layout.h"
#include "common/lm/lora/row_scale.h"

namespace foundry::lm {

double Adapter::scale() const {
  return options.rslora ? options.alpha / std::sqrt(options.rank) : options.alpha / options.rank;
}

void ForEachLinear(Decoder& decoder, const std::function<void(int64_t layer, Linear& linear)>& f) {
  for (size_t i = 0; i < decoder.layers().size(); ++i) {
    Layer& layer = decoder.layers()[i];
    for (Linear* linear : {&layer.qkv, &layer.o, &layer.gate_up, &layer.down}) {
      f(static_cast<int64_t>(i), *linear);
    }
  }
}

absl::StatusOr<Adapter> LayOutAdapter(const Decoder& decoder, const LoraOptions& options) {
  if (options.rank <= 0) {
    return absl::InvalidArgumentError(absl::StrCat("lora rank ", options.rank, ": at least 1"));
  }
  std::set<std::string> wanted(options.targets.begin(), options.targets.end()), found, known;
  Adapter adapter;
  adapter.options = options;
  struct Place {
    int64_t a, b, magnitude, in, out;
  };
  std::vector<Place> places;
  int64_t size = 0, rank = options.rank;
  ForEachLinear(const_cast<Decoder&>(decoder), [&](int64_t layer, Linear& linear) {
    size_t first = places.size();
    for (const Linear::Part& part : linear.parts) {
      known.insert(part.name);
      if (!wanted.empty() && !wanted.contains(part.name)) continue;
      found.insert(part.name);
      adapter.modules.push_back({layer, part.name, {}, {}, {}});
      places.push_back({size, 0, 0, linear.full_in, part.full_rows});
      size += rank * linear.full_in;
    }
    for (size_t p = first; p < places.size(); ++p) {
      places[p].b = size;
      size += rank * places[p].out;
    }
    for (size_t p = first; p < places.size() && options.dora; ++p) {
      places[p].magnitude = size;
      size += places[p].out;
    }
  });
  for (const std::string& name : wanted) {
    if (!found.contains(name)) {
      return absl::InvalidArgumentError(absl::StrCat("lora target '", name,
                                                     "' is no linear of this model; it has ",
                                                     absl::StrJoin(known, ", ")));
    }
  }
  adapter.options.targets.assign(found.begin(), found.end());
  adapter.flat = at::zeros({size}, at::kFloat);
  for (size_t p = 0; p < places.size(); ++p) {
    const Place& place = places[p];
    adapter.modules[p].a = adapter.flat.narrow(0, place.a, rank * place.in).view({rank, place.in});
    adapter.modules[p].b =
        adapter.flat.narrow(0, place.b, rank * place.out).view({place.out, rank});
    if (options.dora) {
      adapter.modules[p].magnitude = adapter.flat.narrow(0, place.magnitude, place.out);
    }
  }
  return adapter;
}

namespace {

// f(linear, its modules with their parts) for every linear that the adapter touches.
void ForEachAdapted(const Adapter& adapter, Decoder& decoder,
                    const std::function<void(Linear&, const Placed&)>& f) {
  size_t next = 0;
  ForEachLinear(decoder, [&](int64_t layer, Linear& linear) {
    Placed placed;
    for (const Linear::Part& part : linear.parts) {
      if (next == adapter.modules.size()) break;
      const AdapterModule& module = adapter.modules[next];
      if (module.layer == layer && module.name == part.name) {
        placed.emplace_back(&module, &part);
        ++next;
      }
    }
    if (!placed.empty()) f(linear, placed);
  });
}

// The tensors summed over the ranks that share a decoder, by one exchange.
void SumOverRanks(const TensorShard& shard, std::vector<at::Tensor>* tensors) {
  if (tensors->empty()) return;
  const at::Tensor sum = shard.Sum(at::cat(*tensors));
  int64_t at = 0;
  for (at::Tensor& tensor : *tensors) {
    tensor.copy_(sum.narrow(0, at, tensor.numel()));
    at += tensor.numel();
  }
}

// Magnitudes: the norms of the base's rows.
void StartFromNorms(const Adapter& adapter, Decoder& decoder) {
  std::vector<at::Tensor> squares;
  ForEachAdapted(adapter, decoder, [&](Linear& linear, const Placed& placed) {
    const at::Tensor own = RowSquares(linear);
    for (const auto& [module, part] : placed) {
      squares.push_back(module->magnitude);
      int64_t row = part->offset;
      for (const auto& [begin, rows] : part->source) {
        module->magnitude.narrow(0, begin, rows).copy_(own.narrow(0, row, rows));
        row += rows;
      }
    }
  });
  if (decoder.shard() != nullptr) SumOverRanks(*decoder.shard(), &squares);
  for (at::Tensor& values : squares) values.sqrt_();
}

void SetRowScales(const Adapter& adapter, double scale, Decoder& decoder) {
  std::vector<at::Tensor> squares, of_shares;
  ForEachAdapted(adapter, decoder, [&](Linear& linear, const Placed& placed) {
    squares.push_back(UpdatedRowSquares(placed, scale, linear));
    if (linear.in < linear.full_in) of_shares.push_back(squares.back());
  });
  if (decoder.shard() != nullptr) SumOverRanks(*decoder.shard(), &of_shares);
  size_t next = 0;
  ForEachAdapted(adapter, decoder, [&](Linear& linear, const Placed& placed) {
    SetRowScale(placed, squares[next++], linear);
  });
}

}  // namespace

absl::StatusOr<Adapter> FreshAdapter(const Decoder& decoder, const LoraOptions& options,
                                     uint64_t seed) {
  absl::StatusOr<Adapter> adapter = LayOutAdapter(decoder, options);
  if (!adapter.ok()) return adapter;
  at::Generator generator = at::detail::createCPUGenerator(seed);
  for (AdapterModule& module : adapter->modules) {
    double bound = 1.0 / std::sqrt(static_cast<double>(module.a.size(1)));
    module.a.uniform_(-bound, bound, generator);
  }
  if (options.dora) StartFromNorms(*adapter, const_cast<Decoder&>(decoder));
  return adapter;
}

void AttachAdapter(const Adapter& adapter, double extra_scale, Decoder& decoder) {
  DetachAdapter(decoder);
  ForEachAdapted(adapter, decoder, [&](Linear& linear, const Placed& placed) {
    int64_t extra = static_cast<int64_t>(placed.size()) * adapter.options.rank;
    const int64_t base = linear.base_columns();
    at::Tensor weight = at::zeros({linear.out, base + extra}, linear.weight.options());
    weight.narrow(1, 0, base).copy_(linear.weight);
    linear.weight = weight;
    linear.lora_a = at::empty({extra, linear.in}, linear.weight.options());
    if (adapter.options.dora) linear.row_squares = RowSquares(linear);
  });
  UpdateAdapter(adapter, extra_scale, decoder);
}

void UpdateAdapter(const Adapter& adapter, double extra_scale, Decoder& decoder) {
  double scale = adapter.scale() * extra_scale;
  ForEachAdapted(adapter, decoder, [&](Linear& linear, const Placed& placed) {
    int64_t at = 0, rank = adapter.options.rank;
    for (const auto& [module, part] : placed) {
      linear.lora_a.narrow(0, at, rank).copy_(module->a.narrow(1, linear.in_begin, linear.in));
      int64_t row = part->offset;
      for (const auto& [begin, rows] : part->source) {
        linear.weight.narrow(0, row, rows)
            .narrow(1, linear.base_columns() + at, rank)
            .copy_(module->b.narrow(0, begin, rows) * scale);
        row += rows;
      }
      at += rank;
    }
  });
  if (adapter.options.dora) SetRowScales(adapter, scale, decoder);
}

void DetachAdapter(Decoder& decoder) {
  ForEachLinear(decoder, [](int64_t, Linear& linear) {
    if (!linear.lora_a.defined()) return;
    linear.weight = linear.weight.narrow(1, 0, linear.base_columns()).contiguous();
    linear.lora_a = linear.row_squares = linear.magnitude = linear.row_scale = at::Tensor();
  });
}

}  // namespace foundry::lm
