#include "comm/job.h"

#include <dlfcn.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "comm/comm.h"
#include "core/device.h"
#include "core/error.h"

namespace dvi {
namespace {

namespace fs = std::filesystem;

Comm alone;
std::unique_ptr<Comm> job;
Comm* now = &alone;
bool failed_together = true;

int number(const char* variable) {
  const char* const value = std::getenv(variable);
  return value == nullptr ? 0 : std::atoi(value);
}

/// Whether whoever started us started others, too, and says so in a way that MPI understands.
bool has_other_ranks() {
  return number("OMPI_COMM_WORLD_SIZE") > 1 || number("PMI_SIZE") > 1 ||
         (std::getenv("PMIX_RANK") != nullptr && number("SLURM_STEP_NUM_TASKS") > 1);
}

std::unique_ptr<Comm> load_mpi() {
  std::error_code unknown;
  const fs::path folder = fs::read_symlink("/proc/self/exe", unknown).parent_path();
  const fs::path candidates[] = {folder / "libdvi_mpi.so", folder.parent_path() / "lib/dvi/libdvi_mpi.so"};
  for (const fs::path& file : candidates) {
    if (!fs::exists(file, unknown)) continue;
    // Open MPI's own plugins look for its symbols among all that are there.
    void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
    if (library == nullptr)
      fail("{}: cannot be loaded: {}; install Open MPI (Debian: openmpi-bin) on every machine of the job",
           file.string(), dlerror());
    return std::unique_ptr<Comm>(reinterpret_cast<Comm* (*)()>(dlsym(library, "dvi_open_job"))());
  }
  fail(
      "{}: expected this library, which lets several ranks fit a view together, found none; build where MPI "
      "is "
      "installed (Debian: libopenmpi-dev), or start dvi without mpirun and srun",
      candidates[0].string());
}

}  // namespace

Comm& comm() { return *now; }

Alone::Alone() : before_(now) { now = &alone; }
Alone::~Alone() { now = before_; }

void join_job() {
  if (job != nullptr) return;
  if (!has_other_ranks()) {
    if (number("SLURM_STEP_NUM_TASKS") > 1)
      fail("srun started {} tasks that cannot find each other; start it as `srun --mpi=pmix dvi fit ...`",
           number("SLURM_STEP_NUM_TASKS"));
    return;
  }
  job = load_mpi();
  now = job.get();
}

void leave_job() {
  now = &alone;
  job.reset();
}

bool speaks_of_failure() {
  if (job == nullptr) return true;
  constexpr int64_t outermost = -1;
  const Failure failure = job->failed(outermost);
  failed_together = failure.together;
  return failure.speaks;
}

void leave_failed_job() {
  if (job != nullptr && !failed_together) job->abort();
  leave_job();
}

int threads_of_rank() {
  if (job == nullptr) return 0;
  cpu_set_t set;
  CPU_ZERO(&set);
  const auto machine = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  const int allowed = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : machine;
  // Where ranks are bound to processors, each has its own; else they share those of the machine.
  return std::max(1, std::min(allowed, machine / job->ranks_of_machine()));
}

bool one_process_with_cuda() { return (job == nullptr || job->size() == 1) && uses_cuda(); }

}  // namespace dvi
