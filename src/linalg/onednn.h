// oneDNN's headers, for gemm.cpp, and where its functions are found.
//
// Every LibTorch but Debian's has a oneDNN of its own inside, and shows parts of it: templates of the
// standard library over oneDNN's types, which differ between versions. The loader lets the parts of one serve
// the other, which then refuses products. There (DVI_PRIVATE_ONEDNN) ours is loaded while the program runs,
// keeps its names to itself, and is called through pointers. The names below are those that gemm.cpp needs,
// in versions 2 and 3.
#pragma once

#include <oneapi/dnnl/dnnl.h>

#if DVI_PRIVATE_ONEDNN

namespace dvi {

/// A function of oneDNN, or of the libraries that it is linked with. Throws Error if there is none.
void* onednn_function(const char* name);
/// Makes oneDNN use one thread only when it is called from this one. core/parallel.h sees to that for the
/// OpenMP that the program itself is linked with, not for oneDNN's own.
void run_onednn_alone();

}  // namespace dvi

#define DVI_ONEDNN(name)                                                                    \
  ([] {                                                                                     \
    static const auto f = reinterpret_cast<decltype(&::name)>(dvi::onednn_function(#name)); \
    return f;                                                                               \
  }())

#define dnnl_engine_create DVI_ONEDNN(dnnl_engine_create)
#define dnnl_engine_destroy DVI_ONEDNN(dnnl_engine_destroy)
#define dnnl_gemm_u8s8s32 DVI_ONEDNN(dnnl_gemm_u8s8s32)
#define dnnl_get_effective_cpu_isa DVI_ONEDNN(dnnl_get_effective_cpu_isa)
#define dnnl_matmul_desc_init DVI_ONEDNN(dnnl_matmul_desc_init)
#define dnnl_matmul_primitive_desc_create DVI_ONEDNN(dnnl_matmul_primitive_desc_create)
#define dnnl_memory_create DVI_ONEDNN(dnnl_memory_create)
#define dnnl_memory_desc_clone DVI_ONEDNN(dnnl_memory_desc_clone)
#define dnnl_memory_desc_create_with_strides DVI_ONEDNN(dnnl_memory_desc_create_with_strides)
#define dnnl_memory_desc_destroy DVI_ONEDNN(dnnl_memory_desc_destroy)
#define dnnl_memory_desc_init_by_strides DVI_ONEDNN(dnnl_memory_desc_init_by_strides)
#define dnnl_memory_destroy DVI_ONEDNN(dnnl_memory_destroy)
#define dnnl_memory_get_data_handle DVI_ONEDNN(dnnl_memory_get_data_handle)
#define dnnl_memory_set_data_handle DVI_ONEDNN(dnnl_memory_set_data_handle)
#define dnnl_memory_set_data_handle_v2 DVI_ONEDNN(dnnl_memory_set_data_handle_v2)
#define dnnl_post_ops_append_sum DVI_ONEDNN(dnnl_post_ops_append_sum)
#define dnnl_post_ops_create DVI_ONEDNN(dnnl_post_ops_create)
#define dnnl_post_ops_destroy DVI_ONEDNN(dnnl_post_ops_destroy)
#define dnnl_primitive_attr_create DVI_ONEDNN(dnnl_primitive_attr_create)
#define dnnl_primitive_attr_destroy DVI_ONEDNN(dnnl_primitive_attr_destroy)
#define dnnl_primitive_attr_set_post_ops DVI_ONEDNN(dnnl_primitive_attr_set_post_ops)
#define dnnl_primitive_create DVI_ONEDNN(dnnl_primitive_create)
#define dnnl_primitive_desc_destroy DVI_ONEDNN(dnnl_primitive_desc_destroy)
#define dnnl_primitive_desc_iterator_create DVI_ONEDNN(dnnl_primitive_desc_iterator_create)
#define dnnl_primitive_desc_iterator_destroy DVI_ONEDNN(dnnl_primitive_desc_iterator_destroy)
#define dnnl_primitive_desc_iterator_fetch DVI_ONEDNN(dnnl_primitive_desc_iterator_fetch)
#define dnnl_primitive_destroy DVI_ONEDNN(dnnl_primitive_destroy)
#define dnnl_primitive_execute DVI_ONEDNN(dnnl_primitive_execute)
#define dnnl_sgemm DVI_ONEDNN(dnnl_sgemm)
#define dnnl_stream_create DVI_ONEDNN(dnnl_stream_create)
#define dnnl_stream_destroy DVI_ONEDNN(dnnl_stream_destroy)
#define dnnl_stream_wait DVI_ONEDNN(dnnl_stream_wait)
#define dnnl_version DVI_ONEDNN(dnnl_version)

#else

namespace dvi {

inline void run_onednn_alone() {}

}  // namespace dvi

#endif

#include <oneapi/dnnl/dnnl.hpp>
