# LibTorch (torch/torch.h costs 10 to 20 s a file, so keep it behind plain headers) and what is made of it:
#
#   dvi_libtorch     LibTorch itself; what is linked with it sees DVI_WITH_CUDA where LibTorch has CUDA
#   dvi_torch_code   objects of all files given to dvi_torch_sources(), for tests and benchmarks to be linked with
#   dvi_torch        the plugin library made of them, which the program loads (src/core/plugin.h)
#
# They exist where DVI_WITH_TORCH is ON. Nothing else is linked with LibTorch.

# dvi_torch_sources(FILE...): these files implement functions of the plugin.
function(dvi_torch_sources)
  if(TARGET dvi_torch_code)
    list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
    target_sources(dvi_torch_code PRIVATE ${ARGN})
  endif()
endfunction()

# dvi_with_torch(TARGET): links it with the plugin's objects, where there are any.
function(dvi_with_torch target)
  if(TARGET dvi_torch_code AND TARGET ${target})
    target_link_libraries(${target} PRIVATE dvi_torch_code dvi_scenarios dvi_vis)
  endif()
endfunction()

# dvi_torch_test(NAME FILE... DEPS target...): the test program NAME_test, linked with the plugin's objects.
function(dvi_torch_test name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  if(NOT TARGET dvi_torch_code OR NOT DVI_TESTS)
    return()
  endif()
  add_executable(${name}_test ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name}_test PRIVATE ${ARG_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  dvi_with_torch(${name}_test)
  gtest_discover_tests(${name}_test DISCOVERY_TIMEOUT 60)
endfunction()

# dvi_torch_plugin(PROGRAM): the plugin of this program, beside it. It finds the program's own symbols in the program,
# which therefore has all of these libraries whole.
function(dvi_torch_plugin program)
  if(NOT TARGET dvi_torch_code)
    return()
  endif()
  set(host)
  foreach(library core linalg run subject graph vis query scenarios)
    list(APPEND host $<TARGET_FILE:dvi_${library}>)
  endforeach()
  target_link_options(${program} PRIVATE -Wl,--whole-archive ${host} -Wl,--no-whole-archive)
  set_target_properties(${program} PROPERTIES ENABLE_EXPORTS ON)
  add_library(dvi_torch MODULE)
  target_link_libraries(dvi_torch PRIVATE dvi_torch_code)
  add_dependencies(dvi_torch ${program})
  set_target_properties(dvi_torch PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  add_dependencies(program dvi_torch)
endfunction()

if(NOT DVI_WITH_TORCH)
  return()
endif()

find_package(Torch QUIET)
if(NOT Torch_FOUND)
  message(FATAL_ERROR "LibTorch was not found: install libtorch-dev, or point -D CMAKE_PREFIX_PATH at a LibTorch, or "
                      "build without it (cmake --preset no-torch).")
endif()
add_library(dvi_libtorch INTERFACE)
add_library(dvi_torch_code OBJECT)
set_target_properties(dvi_torch_code PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_link_libraries(dvi_torch_code PUBLIC dvi_options dvi_libtorch fmt::fmt nlohmann_json::nlohmann_json ZLIB::ZLIB)

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
  target_link_libraries(dvi_libtorch INTERFACE -l:libstdc++.so.6)
endif()
target_link_libraries(dvi_libtorch INTERFACE ${TORCH_LIBRARIES})
target_include_directories(dvi_libtorch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})

# Newer PyTorch's headers bring an {fmt} of their own without its library, and come first.
foreach(folder IN LISTS TORCH_INCLUDE_DIRS)
  if(EXISTS ${folder}/fmt/format.h)
    target_compile_definitions(dvi_libtorch INTERFACE FMT_HEADER_ONLY=1)
  endif()
endforeach()

# Only a LibTorch with CUDA can be compiled against CUDA's headers, though all come with headers that include them.
if(TARGET torch_cuda)
  target_compile_definitions(dvi_libtorch INTERFACE DVI_WITH_CUDA=1)
  message(STATUS "LibTorch has CUDA: the default preset's networks are trained on a CUDA device where there is one.")
endif()
