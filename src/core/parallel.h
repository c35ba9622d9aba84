// One pool of threads for the whole process. Threads sleep when there is nothing to do (they do not spin:
// spinning hurts badly on shared machines), flush subnormal floats to zero, and run libraries that use OpenMP
// single-threaded inside.
#pragma once

#include <cstdint>
#include <functional>

namespace dvi {

/// Sets the number of threads used by everything below; 0 means the number of processors this process may run
/// on. Not to be called while work is running.
void set_threads(int threads);
int threads();

/// Calls body(begin, end, worker) for pieces of [0, n) of at most `grain` items, on as many threads as there
/// are pieces, at most all (a single piece: in the caller); returns when all are done. The pieces' bounds
/// depend only on n and grain. `worker` is in [0, threads()); pieces are handed out as workers get free, so
/// results that must be reproducible may not depend on which worker did what. Nested calls run in the caller.
/// The first exception thrown by a body is rethrown here.
void parallel_for(int64_t n, int64_t grain,
                  const std::function<void(int64_t begin, int64_t end, int worker)>& body);

/// Calls body(worker) once for each worker in [0, count), count from 1 to threads(), each in a thread of its
/// own; in a nested call one after the other in the caller, so they must not wait for each other. For work
/// split by hand (the trainer's shares of a batch): waking more workers than there is work for costs more
/// than it brings. The first exception thrown by a body is rethrown here.
void parallel_workers(int count, const std::function<void(int worker)>& body);

/// Subnormal floats are flushed to zero in the calling thread from here on (they can slow float32 training
/// several times).
void flush_subnormals();

}  // namespace dvi
