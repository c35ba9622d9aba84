// How this process becomes a rank of the job that it was started in, and how it leaves it.
//
// `mpirun` and `srun` tell it by the environment. Only then the library libdvi_mpi.so, with MPI, is loaded,
// from the program's own folder or from ../lib/dvi beside it; a program that is started alone needs no MPI.
#pragma once

#include <string>

namespace dvi {

/// Joins the job, if there is one: comm() has its ranks from here on. Throws Error where there are other
/// ranks but no libdvi_mpi.so, and where `srun` started several tasks that cannot find each other.
void join_job();

/// Ends the job for this rank, in good order, once nothing can fail any more. Nothing where none was joined.
void leave_job();

/// Of a rank that cannot go on: whether it is the one that tells the user why, which one of those that failed
/// is. leave_failed_job() then ends the job.
bool speaks_of_failure();

/// After speaks_of_failure(): ends the other ranks, too. May not return.
void leave_failed_job();

/// Threads that a rank should use if the user does not say: its share of the machine's processors.
int threads_of_rank();

}  // namespace dvi
