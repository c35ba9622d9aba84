// Arrays that a process should not hold in memory, and memory that no array needs any more.
//
// Once there is a folder for them, every array that operator new makes of at least a given size lies in a
// nameless file in it, mapped into memory. The system writes such pages to the disk and takes them back when
// it needs room, instead of ending the program. Room on the disk is reserved when an array is made; where
// there is none, the array lies in memory as all others do.
#pragma once

#include <cstddef>
#include <filesystem>

// Sanitizers have operators of their own, which find errors that others would hide: under them all arrays lie
// in memory.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DVI_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define DVI_SANITIZED 1
#endif
#endif

namespace dvi {

/// Arrays of at least `least_bytes`, and no less than 1 MiB, lie in `folder` from here on.
void put_large_arrays_in(const std::filesystem::path& folder, size_t least_bytes);
/// They lie in memory again; those that are there stay where they are.
void put_large_arrays_in_memory();

/// A 64th of the memory of this machine, shared by some processes: arrays that are smaller are no burden.
size_t large_array_bytes(int processes);

/// Bytes of the arrays that lie in files now.
size_t bytes_in_files();

/// From here on the memory of an array of some MiB goes back to the system when the array does. The C library
/// would keep it for a next one, and once the stages of a fit have each had their own arrays, that is a fifth
/// of all memory. For the beginning of a program.
void return_freed_arrays();

}  // namespace dvi
