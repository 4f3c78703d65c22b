#include "common/lm/model/kernels.h"

#include <ATen/Parallel.h>

#include "common/lm/model/simd/row_kernels.h"

namespace foundry::lm::kernels {
namespace {

using simd::bf16;

// Calls f(pointer type tag) for the compute type of `t`.
template <typename F>
void Typed(const at::Tensor& t, F f) {
  if (t.scalar_type() == at::kBFloat16) {
    f(bf16{});
  } else {
    TORCH_CHECK(t.scalar_type() == at::kFloat, "compute type must be float32 or bfloat16");
    f(float{});
  }
}

template <typename T>
T* Row(const at::Tensor& t, int64_t i) {
  return static_cast<T*>(t.data_ptr()) + i * t.stride(0);
}

template <typename F>
void ForRows(const at::Tensor& t, F f) {
  at::parallel_for(0, t.size(0), 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

}  // namespace

void RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps, at::Tensor out,
             at::Tensor* rstd) {
  if (rstd) *rstd = at::empty({x.size(0)}, x.options());
  if (!x.is_cpu()) {
    at::Tensor scale = at::rsqrt(x.square().mean(-1) + eps);
    out.copy_(x * scale.unsqueeze(-1) * weight);
    if (rstd) *rstd = scale;
    return;
  }
  const float* w = weight.const_data_ptr<float>();
  float* scales = rstd ? rstd->data_ptr<float>() : nullptr;
  Typed(out, [&]<typename T>(T) {
    ForRows(x, [&](int64_t i) {
      float scale = simd::Rows<T>().rms_norm(Row<float>(x, i), w, static_cast<float>(eps),
                                             x.size(1), Row<T>(out, i));
      if (scales) scales[i] = scale;
    });
  });
}

void RmsNormBackward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                     const at::Tensor& rstd, at::Tensor dx) {
  if (!x.is_cpu()) {
    at::Tensor g = dy.to(at::kFloat) * weight, scale = rstd.unsqueeze(-1);
    dx.add_(g * scale - x * ((g * x).mean(-1, true) * scale.pow(3)));
    return;
  }
  const float* w = weight.const_data_ptr<float>();
  const float* scales = rstd.const_data_ptr<float>();
  Typed(dy, [&]<typename T>(T) {
    ForRows(x, [&](int64_t i) {
      simd::Rows<T>().rms_norm_backward(Row<T>(dy, i), Row<float>(x, i), w, scales[i], x.size(1),
                                        Row<float>(dx, i));
    });
  });
}

void SiluMul(const at::Tensor& gate_up, at::Tensor out) {
  int64_t n = gate_up.size(1) / 2;
  if (!gate_up.is_cpu()) {
    out.copy_(at::silu(gate_up.narrow(1, 0, n).to(at::kFloat)) * gate_up.narrow(1, n, n));
    return;
  }
  Typed(out, [&]<typename T>(T) {
    ForRows(out, [&](int64_t i) {
      const T* gate = Row<T>(gate_up, i);
      simd::Rows<T>().silu_mul(gate, gate + n, n, Row<T>(out, i));
    });
  });
}

void SiluMulBackward(const at::Tensor& dout, const at::Tensor& gate_up, at::Tensor dgate_up) {
  int64_t n = gate_up.size(1) / 2;
  if (!gate_up.is_cpu()) {
    at::Tensor gate = gate_up.narrow(1, 0, n).to(at::kFloat), d = dout.to(at::kFloat);
    at::Tensor sigmoid = gate.sigmoid();
    dgate_up.narrow(1, 0, n).copy_(d * gate_up.narrow(1, n, n) * sigmoid *
                                   (1 + gate * (1 - sigmoid)));
    dgate_up.narrow(1, n, n).copy_(d * gate * sigmoid);
    return;
  }
  Typed(dout, [&]<typename T>(T) {
    ForRows(dout, [&](int64_t i) {
      const T* gate = Row<T>(gate_up, i);
      T* dgate = Row<T>(dgate_up, i);
      simd::Rows<T>().silu_mul_backward(Row<T>(dout, i), gate, gate + n, n, dgate, dgate + n);
    });
  });
}

at::Tensor Add(const at::Tensor& x, const at::Tensor& y) {
  if (!x.is_cpu()) return x + y;
  at::Tensor out = at::empty_like(x);
  Typed(y, [&]<typename T>(T) {
    ForRows(x, [&](int64_t i) {
      simd::Rows<T>().add(Row<float>(x, i), Row<T>(y, i), x.size(1), Row<float>(out, i));
    });
  });
  return out;
}

at::Tensor SliceToFloat(const at::Tensor& x, int64_t begin, int64_t width) {
  if (!x.is_cpu()) return x.narrow(1, begin, width).to(at::kFloat, false, true).contiguous();
  at::Tensor out = at::empty({x.size(0), width}, x.options().dtype(at::kFloat));
  Typed(x, [&]<typename T>(T) {
    ForRows(x, [&](int64_t i) {
      simd::Rows<T>().to_float(Row<T>(x, i) + begin, width, Row<float>(out, i));
    });
  });
  return out;
}

void FloatToSlice(const at::Tensor& x, at::Tensor out, int64_t begin) {
  if (!x.is_cpu()) {
    out.narrow(1, begin, x.size(1)).copy_(x);
    return;
  }
  Typed(out, [&]<typename T>(T) {
    ForRows(x, [&](int64_t i) {
      simd::Rows<T>().from_float(Row<float>(x, i), x.size(1), Row<T>(out, i) + begin);
    });
  });
}

void Rotate(at::Tensor x, int64_t head_dim, const RopeTables& rope, bool inverse) {
  int64_t half = rope.cos.size(1), heads = x.size(1) / head_dim;
  if (!x.is_cpu()) {
    at::Tensor view = x.view({x.size(0), heads, head_dim});
    at::Tensor cos = rope.cos.unsqueeze(1), sin = rope.sin.unsqueeze(1);
    if (inverse) sin = -sin;
    at::Tensor first = view.narrow(2, 0, half).clone(), second = view.narrow(2, half, half).clone();
    view.narrow(2, 0, half).copy_(first * cos - second * sin);
    view.narrow(2, half, half).copy_(second * cos + first * sin);
    return;
  }
  const float sign = inverse ? -1.0f : 1.0f;
  ForRows(x, [&](int64_t i) {
    const float* cos = Row<float>(rope.cos, i);
    const float* sin = Row<float>(rope.sin, i);
    for (int64_t head = 0; head < heads; ++head) {
      float* a = Row<float>(x, i) + head * head_dim;
      float* b = a + half;
      for (int64_t j = 0; j < half; ++j) {
        float first = a[j], second = b[j], turn = sign * sin[j];
        a[j] = first * cos[j] - second * turn;
        b[j] = second * cos[j] + first * turn;
      }
    }
  });
}

}  // namespace foundry::lm::kernels
