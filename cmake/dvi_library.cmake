# dvi_library(NAME [FOLDERS folder...] [DEPS target...]): the static library dvi_NAME from the .cpp files of this
# folder and of the given folders in it, linked with the layers that src/CMakeLists.txt names and with DEPS,
# libraries from outside; from their *_test.cpp files the test program NAME_test; and from each IDEA_fuzz.cpp the
# fuzzer IDEA_fuzz, which starts from the files of tests/fuzz/IDEA. A file dropped into such a folder is built;
# nothing else is to be edited.
add_library(dvi_options INTERFACE)
target_compile_options(dvi_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Werror -ffp-contract=fast
                                             -fno-math-errno)
# GCC 12 warns falsely of overlapping copies in std::string operator+ (GCC bug 105651).
target_compile_options(dvi_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
# GCC 13 and later warn falsely where a function takes a view and returns a reference into what it views.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
  target_compile_options(dvi_options INTERFACE -Wno-dangling-reference)
endif()
target_include_directories(dvi_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(dvi_options INTERFACE DVI_VERSION="${PROJECT_VERSION}")

# dvi_link_layers(TARGET LAYER): links a target with what src/CMakeLists.txt lets the layer use, lowest layers last.
function(dvi_link_layers target layer)
  get_property(layers GLOBAL PROPERTY dvi_layers_of_${layer})
  list(REVERSE layers)
  foreach(used IN LISTS layers)
    if(TARGET dvi_${used})
      target_link_libraries(${target} PUBLIC dvi_${used})
    endif()
  endforeach()
  target_link_libraries(${target} PUBLIC $<BUILD_INTERFACE:dvi_options>)
endfunction()

# Tables of function addresses cannot be written to once a program runs.
target_link_options(dvi_options INTERFACE -Wl,-z,relro,-z,now)

# What reads files and requests of others checks more while it runs: a mistake there ends the program before it is of
# use to anybody. The layers that only compute are left out, because their inner loops would pay for it.
set(DVI_HARDENED core run import query server report)
function(dvi_harden target)
  target_compile_options(${target} PRIVATE -fstack-protector-strong -fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(${target} PRIVATE -fcf-protection=full)
  endif()
  target_compile_definitions(${target} PRIVATE _GLIBCXX_ASSERTIONS)
  if(CMAKE_BUILD_TYPE MATCHES "Rel" AND NOT DVI_SANITIZE)  # needs optimization, and blinds sanitizers
    target_compile_options(${target} PRIVATE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
endfunction()

function(dvi_library name)
  cmake_parse_arguments(ARG "" "" "FOLDERS;DEPS" ${ARGN})
  list(TRANSFORM ARG_FOLDERS APPEND /*.cpp)
  file(GLOB sources CONFIGURE_DEPENDS *.cpp ${ARG_FOLDERS})
  set(tests ${sources})
  set(fuzzers ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz)\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cpp$")
  add_library(dvi_${name} STATIC ${sources})
  dvi_link_layers(dvi_${name} ${name})
  target_link_libraries(dvi_${name} PUBLIC ${ARG_DEPS})
  if(name IN_LIST DVI_HARDENED)
    dvi_harden(dvi_${name})
  endif()
  if(DVI_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE dvi_${name} GTest::gtest GTest::gmock GTest::gtest_main)
    gtest_discover_tests(${name}_test DISCOVERY_TIMEOUT 60)
  endif()
  if(DVI_TESTS OR DVI_FUZZERS)
    foreach(fuzzer IN LISTS fuzzers)
      dvi_fuzzer(${fuzzer} dvi_${name})
    endforeach()
  endif()
endfunction()

# With DVI_FUZZERS (clang) libFuzzer searches for a minute when run by ctest, for as long as one likes by
# hand; otherwise tests/fuzz/driver.cpp runs a fixed set of mutations.
function(dvi_fuzzer source library)
  get_filename_component(target ${source} NAME_WE)
  string(REGEX REPLACE "_fuzz$" "" idea ${target})
  set(corpus ${PROJECT_SOURCE_DIR}/tests/fuzz/${idea})
  if(DVI_FUZZERS)
    add_executable(${target} ${source})
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    set(found ${CMAKE_CURRENT_BINARY_DIR}/${target}_found)
    file(MAKE_DIRECTORY ${found})
    # An input may take 10 seconds and 1 GB, the sanitizers' part included.
    set(limits -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=1024 -print_final_stats=1)
    add_test(NAME ${target} COMMAND ${target} -max_total_time=60 ${limits} ${found} ${corpus})
  else()
    add_executable(${target} ${source} ${PROJECT_SOURCE_DIR}/tests/fuzz/driver.cpp)
    add_test(NAME ${target} COMMAND ${target} ${corpus})
  endif()
  target_link_libraries(${target} PRIVATE ${library} $<TARGET_NAME_IF_EXISTS:dvi_run_testing>)
endfunction()
