# cmake --install: the program, its plugin, and what outsiders build on to write and read runs and views from C++: the
# libraries dvi::run and dvi::core with their headers, for find_package(dvi). examples/cpp shows their use.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(public_layers core run)
foreach(layer IN LISTS public_layers)
  set_target_properties(dvi_${layer} PROPERTIES EXPORT_NAME ${layer})
  target_compile_features(dvi_${layer} PUBLIC cxx_std_20)
  target_include_directories(dvi_${layer} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/dvi>)
  install(
    DIRECTORY ${PROJECT_SOURCE_DIR}/src/${layer}
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/dvi
    FILES_MATCHING
    PATTERN "*.h"
    PATTERN testing EXCLUDE)
endforeach()
list(TRANSFORM public_layers PREPEND dvi_ OUTPUT_VARIABLE public_targets)

install(TARGETS ${public_targets} EXPORT dvi-targets)
install(TARGETS dvi COMPONENT dvi)
install(FILES LICENSE NOTICE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT dvi)
if(TARGET dvi_torch)
  install(TARGETS dvi_torch LIBRARY DESTINATION lib/dvi COMPONENT dvi-torch)
endif()

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/dvi)
install(EXPORT dvi-targets NAMESPACE dvi:: DESTINATION ${package_folder})
write_basic_package_version_file(dvi-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_SOURCE_DIR}/cmake/dvi-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/dvi-config-version.cmake
        DESTINATION ${package_folder})
