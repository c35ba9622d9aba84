// Runs a program and lets it come to grief at one chosen system call that writes.
//
//   at_write count FILE -- PROGRAM ARGUMENT...      writes into FILE how many such calls the program makes
//   at_write HOW NUMBER FILE -- PROGRAM ARGUMENT... stops it at that call (from 1), counted into FILE all the
//   same
//
// HOW is "kill" (as SIGKILL or a power switch would), "eio" (this one call fails), "enospc" (this call and
// all later ones that need space fail), or "short" (a write takes half of what it is given). The calls that
// count are those that change a file system: creating, writing, flushing, renaming, removing; not writes to
// pipes, sockets and terminals. The calls are seen with seccomp and ptrace, so every thread and child of the
// program counts, whatever library makes the call. Exits as the program does, 137 where it was killed, 77
// where the system does not let us look (tests skip then).
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace {

constexpr int skipped = 77;

#ifdef __x86_64__

constexpr long on_descriptor[] = {SYS_write, SYS_pwrite64,  SYS_writev,    SYS_pwritev,  SYS_ftruncate,
                                  SYS_fsync, SYS_fdatasync, SYS_fallocate, SYS_sendfile, SYS_copy_file_range};
constexpr long on_path[] = {SYS_mkdir,   SYS_mkdirat,   SYS_rename,   SYS_renameat, SYS_renameat2,
                            SYS_unlink,  SYS_unlinkat,  SYS_rmdir,    SYS_link,     SYS_linkat,
                            SYS_symlink, SYS_symlinkat, SYS_truncate, SYS_creat};
constexpr long opening[] = {SYS_open, SYS_openat};

template <size_t n>
bool among(const long (&calls)[n], long call) {
  return std::find(std::begin(calls), std::end(calls), call) != std::end(calls);
}

/// In the child: stop at the calls above, then become the program.
int become(char** arguments) {
  std::vector<sock_filter> filter = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  const auto watch = [&](long call) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE));
  };
  for (const long call : on_descriptor) watch(call);
  for (const long call : on_path) watch(call);
  for (const long call : opening) watch(call);
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) return skipped;
  raise(SIGSTOP);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    return skipped;
  execvp(arguments[0], arguments);
  return 127;
}

/// Whether the call that the process is about to make changes a file.
bool writes(pid_t process, const user_regs_struct& registers) {
  const auto call = static_cast<long>(registers.orig_rax);
  if (among(on_path, call)) return true;
  if (call == SYS_open || call == SYS_openat) {
    const auto flags = static_cast<int>(call == SYS_open ? registers.rsi : registers.rdx);
    return (flags & (O_CREAT | O_TRUNC)) != 0 && (flags & O_ACCMODE) != O_RDONLY;
  }
  const auto descriptor = call == SYS_copy_file_range ? registers.rdx : registers.rdi;
  char target[256];
  const ssize_t length =
      readlink(fmt::format("/proc/{}/fd/{}", process, descriptor).c_str(), target, sizeof target - 1);
  const std::string path(target, static_cast<size_t>(std::max<ssize_t>(0, length)));
  return path.starts_with('/') && !path.starts_with("/dev/") && !path.starts_with("/proc/") &&
         !path.starts_with("/memfd:");
}

bool needs_space(const user_regs_struct& registers) {
  const auto call = static_cast<long>(registers.orig_rax);
  return !(call == SYS_unlink || call == SYS_unlinkat || call == SYS_rmdir || call == SYS_ftruncate ||
           call == SYS_rename || call == SYS_renameat || call == SYS_renameat2);
}

class Tracer {
 public:
  Tracer(std::string how, long number) : how_(std::move(how)), number_(number) {}
  long count() const { return count_; }

  /// Returns the exit status of `program`.
  int run(pid_t program) {
    int status = 0, result = skipped;
    waitpid(program, &status, 0);
    if (!WIFSTOPPED(status)) return skipped;
    constexpr long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                             PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SETOPTIONS, program, 0, options) != 0) {
      kill(program, SIGKILL);
      return skipped;
    }
    ptrace(PTRACE_CONT, program, 0, 0);
    for (pid_t process; (process = waitpid(-1, &status, __WALL)) > 0;) {
      if (WIFEXITED(status) || WIFSIGNALED(status)) {
        if (process == program) result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        continue;
      }
      if (!WIFSTOPPED(status)) continue;
      int signal = 0;
      const int event = status >> 16;
      if (event == PTRACE_EVENT_SECCOMP)
        on_call(process, program);
      else if (event == 0 && WSTOPSIG(status) != SIGSTOP && WSTOPSIG(status) != SIGTRAP)
        signal = WSTOPSIG(status);
      ptrace(PTRACE_CONT, process, 0, signal);
    }
    return result;
  }

 private:
  void on_call(pid_t process, pid_t program) {
    user_regs_struct registers{};
    if (ptrace(PTRACE_GETREGS, process, 0, &registers) != 0 || !writes(process, registers)) return;
    ++count_;
    if (count_ < number_ || number_ == 0) return;
    if (how_ == "kill" && count_ == number_) {
      kill(program, SIGKILL);
    } else if (how_ == "short" && count_ == number_) {
      const auto call = static_cast<long>(registers.orig_rax);
      if ((call == SYS_write || call == SYS_pwrite64) && registers.rdx > 1) registers.rdx /= 2;
      ptrace(PTRACE_SETREGS, process, 0, &registers);
    } else if ((how_ == "eio" && count_ == number_) || (how_ == "enospc" && needs_space(registers))) {
      registers.rax = static_cast<unsigned long long>(how_ == "eio" ? -EIO : -ENOSPC);
      registers.orig_rax = static_cast<unsigned long long>(-1);  // the call is not made
      ptrace(PTRACE_SETREGS, process, 0, &registers);
    }
  }

  std::string how_;
  long number_, count_ = 0;
};

int trace(const std::string& how, long number, const std::string& file, char** arguments) {
  const pid_t program = fork();
  if (program == 0) _exit(become(arguments));
  Tracer tracer(how, number);
  const int status = tracer.run(program);
  std::ofstream(file) << tracer.count() << "\n";
  return status;
}

#else

int trace(const std::string&, long, const std::string&, char**) { return skipped; }

#endif

}  // namespace

int main(int argc, char** argv) {
  const std::string how = argc > 1 ? argv[1] : "";
  const int front = how == "count" ? 3 : 4;
  if (argc < front + 2 || std::string(argv[front]) != "--") {
    fmt::print(
        stderr,
        "at_write count FILE -- PROGRAM ..., or at_write kill|eio|enospc|short NUMBER FILE -- PROGRAM ...\n");
    return 2;
  }
  return trace(how, how == "count" ? 0 : std::atol(argv[2]), argv[front - 1], argv + front + 1);
}
