#include "services/extraction/helper/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>

#include "absl/strings/str_cat.h"

namespace foundry::extraction {
namespace {

constexpr int kDenied[] = {
    // network
    SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen),
    SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg),
    // programs and other processes
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(ptrace),
    SCMP_SYS(kill), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_getfd),
    // changes to files
    SCMP_SYS(creat), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat),
    SCMP_SYS(renameat2), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(symlink), SCMP_SYS(symlinkat),
    SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(mknod), SCMP_SYS(mknodat),
    SCMP_SYS(truncate), SCMP_SYS(chmod), SCMP_SYS(fchmodat), SCMP_SYS(chown), SCMP_SYS(fchownat),
    // the system
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(unshare),
    SCMP_SYS(setns), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
    SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(io_uring_setup),
    SCMP_SYS(open_by_handle_at), SCMP_SYS(init_module), SCMP_SYS(finit_module),
    SCMP_SYS(kexec_load), SCMP_SYS(reboot)};

// open() and openat() for writing; the flags are argument `index`.
int DenyWriting(scmp_filter_ctx filter, int call, unsigned index) {
  int error = 0;
  for (const uint64_t mode : {uint64_t{O_WRONLY}, uint64_t{O_RDWR}}) {
    const scmp_arg_cmp flags = {index, SCMP_CMP_MASKED_EQ, O_ACCMODE, mode};
    error |= seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), call, 1, &flags);
  }
  return error;
}

}  // namespace

absl::Status EnterSandbox() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (filter == nullptr) return absl::InternalError("seccomp_init failed");
  int error = 0;
  for (const int call : kDenied) error |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
  error |= DenyWriting(filter, SCMP_SYS(open), 1);
  error |= DenyWriting(filter, SCMP_SYS(openat), 2);
  // Threads, but no processes. clone3 hides its flags behind a pointer: glibc falls back to clone.
  const scmp_arg_cmp process = {0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0};
  error |= seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, &process);
  error |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  error |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0);
  if (error == 0) error = seccomp_load(filter);
  seccomp_release(filter);
  return error == 0 ? absl::OkStatus()
                    : absl::FailedPreconditionError(
                          absl::StrCat("this kernel refuses the seccomp filter (", error, ")"));
}

}  // namespace foundry::extraction
