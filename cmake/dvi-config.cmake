# find_package(dvi): the targets dvi::run (runs and views, to write and to read) and dvi::core.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(nlohmann_json)
find_dependency(fmt)
include(${CMAKE_CURRENT_LIST_DIR}/dvi-targets.cmake)
