#include "common/lm/generate/packed/weights.h"

namespace foundry::lm::packed {
namespace {

// Rows [begin, begin + rows) of `linear`; `fresh`: the base weights too.
template <typename T>
void Update(const Linear& linear, int64_t begin, int64_t rows, bool fresh, PackedLinear<T>* out) {
  const at::Tensor weight = linear.weight.narrow(0, begin, rows);
  auto scaled = [&](const at::Tensor& w) {
    if (!linear.row_scale.defined()) return w;
    return w.mul(linear.row_scale.narrow(0, begin, rows).unsqueeze(1)).to(w.scalar_type());
  };
  if (fresh) {
    out->base = Pack<T>(
        scaled(linear.frozen ? linear.frozen->Full(weight.scalar_type()).narrow(0, begin, rows)
                             : weight.narrow(1, 0, linear.in)));
    out->bias.clear();
    if (linear.bias.defined()) {
      const at::Tensor bias = linear.bias.narrow(0, begin, rows).to(at::kFloat).contiguous();
      out->bias.assign(bias.const_data_ptr<float>(), bias.const_data_ptr<float>() + rows);
    }
  }
  const int64_t extra = linear.lora_columns();
  out->lora_b =
      extra > 0 ? Pack<T>(scaled(weight.narrow(1, linear.base_columns(), extra))) : Matrix<T>();
}

template <typename T>
Matrix<T> LoraA(const Linear& linear) {
  return linear.lora_a.defined() ? Pack<T>(linear.lora_a) : Matrix<T>();
}

}  // namespace

template <typename T>
void Weights<T>::Update(const Decoder& decoder) {
  layers_.resize(decoder.layers().size());
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& from = decoder.layers()[i];
    PackedLayer<T>& to = layers_[i];
    const Linear* linears[] = {&from.qkv, &from.o, &from.gate_up, &from.down};
    bool fresh[4];
    for (int l = 0; l < 4; ++l) {
      fresh[l] = !to.sources[l].is_same(linears[l]->weight) ||
                 !to.scales[l].is_same(linears[l]->row_scale);
      to.sources[l] = linears[l]->weight;
      to.scales[l] = linears[l]->row_scale;
    }
    const int64_t inner = from.gate_up.out / 2;
    packed::Update(from.qkv, 0, from.qkv.out, fresh[0], &to.qkv);
    packed::Update(from.o, 0, from.o.out, fresh[1], &to.o);
    packed::Update(from.gate_up, 0, inner, fresh[2], &to.gate);
    packed::Update(from.gate_up, inner, inner, fresh[2], &to.up);
    packed::Update(from.down, 0, from.down.out, fresh[3], &to.down);
    to.qkv_a = LoraA<T>(from.qkv);
    to.o_a = LoraA<T>(from.o);
    to.gate_up_a = LoraA<T>(from.gate_up);
    to.down_a = LoraA<T>(from.down);
  }
  if (!lm_head_source_.is_same(decoder.lm_head())) {
    lm_head_source_ = decoder.lm_head();
    lm_head_ = Pack<T>(lm_head_source_);
  }
}

template class Weights<float>;
template class Weights<simd::bf16>;

}  // namespace foundry::lm::packed
