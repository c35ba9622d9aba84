# The target dvi_torch: LibTorch, for a few files of src/subject, src/vis and src/scenarios only (torch/torch.h costs
# 10 to 20 s a file, so keep it behind plain headers). It exists where DVI_WITH_TORCH is ON; all code sees
# DVI_WITH_TORCH as 1 or 0, and what is linked with dvi_torch sees DVI_WITH_CUDA where LibTorch has CUDA.
if(NOT DVI_WITH_TORCH)
  target_compile_definitions(dvi_options INTERFACE DVI_WITH_TORCH=0)
  return()
endif()
target_compile_definitions(dvi_options INTERFACE DVI_WITH_TORCH=1)

find_package(Torch QUIET)
if(NOT Torch_FOUND)
  message(FATAL_ERROR "LibTorch was not found: install libtorch-dev, or point -D CMAKE_PREFIX_PATH at a LibTorch, or "
                      "build without it (cmake --preset no-torch).")
endif()
add_library(dvi_torch INTERFACE)

# PyTorch's own builds, unlike Debian's, have a oneDNN and parts of the C++ library inside, and show them.
# This program's oneDNN is kept apart (src/linalg/onednn.h), and the shared C++ library comes first: a program
# that finds LibTorch's parts before it crashes (PyTorch's issue 133437), and so does one with a static C++
# library of its own.
option(DVI_PRIVATE_ONEDNN "Keep oneDNN apart from the one inside LibTorch, as is done where it has one" OFF)
if(TARGET torch_cpu)
  get_target_property(library torch_cpu LOCATION)
  execute_process(COMMAND ${CMAKE_READELF} -d ${library} OUTPUT_VARIABLE needs ERROR_QUIET)
  if(needs AND NOT needs MATCHES "libdnnl\\.so")
    set(DVI_PRIVATE_ONEDNN ON)
  endif()
endif()
if(DVI_PRIVATE_ONEDNN)
  message(STATUS "LibTorch has a oneDNN of its own inside: this program's is kept apart from it.")
  target_link_libraries(dvi_torch INTERFACE -l:libstdc++.so.6)
endif()
target_link_libraries(dvi_torch INTERFACE ${TORCH_LIBRARIES})
target_include_directories(dvi_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})

# Only a LibTorch with CUDA can be compiled against CUDA's headers, though all come with headers that include them.
if(TARGET torch_cuda)
  target_compile_definitions(dvi_torch INTERFACE DVI_WITH_CUDA=1)
  message(STATUS "LibTorch has CUDA: the default preset's networks are trained on a CUDA device where there is one.")
endif()
