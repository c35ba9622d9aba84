#include "server/confine.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace dvi {
namespace {

namespace fs = std::filesystem;

// Later versions of <linux/landlock.h> have them; the kernel says which it knows.
constexpr uint64_t access_refer = uint64_t{1} << 13, access_truncate = uint64_t{1} << 14;

bool confine_files(const std::vector<fs::path>& runs) {
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return false;
  uint64_t writing = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                     LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                     LANDLOCK_ACCESS_FS_MAKE_DIR;
  if (version >= 3) writing |= access_truncate;
  uint64_t handled = writing | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
  if (version >= 2) handled |= access_refer;
  landlock_ruleset_attr attributes{};  // later versions of the header have more members
  attributes.handled_access_fs = handled;
  // Only the member of the first version, whatever the header's.
  const auto rules = static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof(uint64_t), 0));
  if (rules < 0) return false;
  bool done = true;
  const auto allow = [&](const fs::path& path, uint64_t access) {
    const int place = open(path.c_str(), O_PATH | O_CLOEXEC);
    if (place < 0) return;
    landlock_path_beneath_attr rule{};
    rule.allowed_access = access;
    rule.parent_fd = place;
    done = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0 && done;
    close(place);
  };
  for (const fs::path& run : runs) {
    std::error_code error;
    const fs::path real = fs::canonical(run, error);
    if (!error) allow(real.parent_path(), writing);
  }
  allow("/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE | (version >= 3 ? access_truncate : 0));
  done = done && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
  close(rules);
  return done;
}

constexpr uint32_t refused_calls[] = {
    // Programs and other processes.
    SYS_execve,
    SYS_execveat,
#ifndef __SANITIZE_ADDRESS__  // the leak checker looks into its own process at the end
    SYS_ptrace,
#endif
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_unshare,
    SYS_setns,
    // Connections of our own, and a way around these rules.
    SYS_connect,
    SYS_io_uring_setup,
    // The system.
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_open_by_handle_at,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_setuid,
    SYS_setgid,
    SYS_setreuid,
    SYS_setregid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_setgroups,
};

bool confine_system_calls() {
#if defined(__x86_64__)
  constexpr uint32_t machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
  constexpr uint32_t machine = AUDIT_ARCH_AARCH64;
#else
  return false;
#endif
#if defined(__x86_64__) || defined(__aarch64__)
  constexpr uint32_t refuse = SECCOMP_RET_ERRNO | EPERM;
  std::vector<sock_filter> filter = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, machine, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, refuse),  // 32-bit calls have other numbers
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
  };
#if defined(__x86_64__)
  constexpr uint32_t x32 = 0x40000000;
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, x32, 0, 1));
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, refuse));
#endif
  for (const uint32_t call : refused_calls) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, refuse));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
#endif
}

}  // namespace

std::string Confinement::lacking() const {
  if (whole()) return "";
  std::string list;
  const auto add = [&](bool there, const char* what) {
    if (!there) list += (list.empty() ? "" : ", ") + std::string(what);
  };
  add(no_new_privileges, "no new privileges");
  add(files, "Landlock");
  add(system_calls, "seccomp");
  return "this system does not confine the server (" + list + "), so serve only runs whose models you trust";
}

Confinement confine(const std::vector<fs::path>& runs) {
  Confinement done;
  done.no_new_privileges = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  if (!done.no_new_privileges) return done;  // the others need it
  done.files = confine_files(runs);
  done.system_calls = confine_system_calls();
  return done;
}

}  // namespace dvi
