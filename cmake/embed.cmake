# The library dvi_page: page_files() of src/server/page.h, from the files of web/dist as they are when the program is
# built. Without them (the page was not built, or DVI_WITH_PAGE is OFF) a page that says how to build it.
set(page_folder ${PROJECT_SOURCE_DIR}/web/dist)
if(DVI_WITH_PAGE)
  file(GLOB_RECURSE page_sources CONFIGURE_DEPENDS ${page_folder}/*)
endif()
if(NOT page_sources)
  set(page_folder ${PROJECT_SOURCE_DIR}/cmake/no_page)
  file(GLOB_RECURSE page_sources CONFIGURE_DEPENDS ${page_folder}/*)
endif()

set(page_output ${PROJECT_BINARY_DIR}/page)
add_custom_command(
  OUTPUT ${page_output}/page.cpp
  COMMAND ${CMAKE_COMMAND} -D FOLDER=${page_folder} -D OUTPUT=${page_output}
          -P ${PROJECT_SOURCE_DIR}/cmake/write_page.cmake
  DEPENDS ${page_sources} ${PROJECT_SOURCE_DIR}/cmake/write_page.cmake
  COMMENT "Embedding the page of ${page_folder}"
  VERBATIM)
add_library(dvi_page STATIC ${page_output}/page.cpp)
target_link_libraries(dvi_page PUBLIC dvi_options)
