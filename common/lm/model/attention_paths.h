// The two ways of attention.h: blocks in cache on the CPU, ATen matmuls elsewhere. Both are exact;
// tests hold one against the other. Internal to this folder.
#pragma once

#include "common/lm/model/attention.h"

namespace foundry::lm {

void AttendCpu(const AttentionShape& shape, const at::Tensor& q,
               const std::vector<AttentionTask>& tasks, at::Tensor out, at::Tensor* lse);
// Every task by itself.
void AttendUnitsCpu(const AttentionShape& shape, const at::Tensor& q,
                    const std::vector<AttentionTask>& tasks, at::Tensor out, at::Tensor* lse);
// Ranges that tasks share computed once for all of them. False, and nothing done, when there are
// none.
bool AttendSharedCpu(const AttentionShape& shape, const at::Tensor& q,
                     const std::vector<AttentionTask>& tasks, at::Tensor out, at::Tensor* lse);
void AttendBackwardCpu(const AttentionShape& shape, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, const std::vector<AttentionTask>& tasks,
                       const at::Tensor& out, const at::Tensor& lse, const at::Tensor& dout,
                       at::Tensor dq, at::Tensor dk, at::Tensor dv);

void AttendAten(const AttentionShape& shape, const at::Tensor& q,
                const std::vector<AttentionTask>& tasks, at::Tensor out, at::Tensor* lse);
void AttendBackwardAten(const AttentionShape& shape, const at::Tensor& q, const at::Tensor& k,
                        const at::Tensor& v, const std::vector<AttentionTask>& tasks,
                        const at::Tensor& out, const at::Tensor& lse, const at::Tensor& dout,
                        at::Tensor dq, at::Tensor dk, at::Tensor dv);

}  // namespace foundry::lm
