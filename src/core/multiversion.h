// Loops that use the widest vectors the processor has, although the program is built for any x86-64.
#pragma once

/// Before a function: it is compiled for AVX-512, for AVX2 with FMA and for the plain instruction set; the
/// loader picks one. For loops the compiler vectorises, in functions of plain pointers (nothing inside is to
/// be shared with other files through templates or inline functions, which would keep the plain instruction
/// set).
/// Not under the thread sanitizer: the loader's choice comes before that is ready.
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__)) && !defined(__SANITIZE_THREAD__)
#define DVI_MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DVI_MULTIVERSION
#endif
