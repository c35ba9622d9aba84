# dvi_library(NAME [DEPS target...]): the static library dvi_NAME from the .cpp files of this folder, and, from its
# *_test.cpp files, the test program NAME_test. A file dropped into the folder is built; nothing else is to be edited.
add_library(dvi_options INTERFACE)
target_compile_options(dvi_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Werror -ffp-contract=fast -fno-math-errno)
# GCC 12 warns falsely of overlapping copies in std::string operator+ (GCC bug 105651).
target_compile_options(dvi_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
target_include_directories(dvi_options INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
target_compile_definitions(dvi_options INTERFACE DVI_VERSION="${PROJECT_VERSION}")

function(dvi_library name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz)\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  add_library(dvi_${name} STATIC ${sources})
  target_link_libraries(dvi_${name} PUBLIC dvi_options ${ARG_DEPS})
  if(DVI_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE dvi_${name} GTest::gtest GTest::gmock GTest::gtest_main)
    gtest_discover_tests(${name}_test DISCOVERY_TIMEOUT 60)
  endif()
endfunction()
