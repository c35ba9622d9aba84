# cmake -D FOLDER=web/dist -D OUTPUT=build/page -P write_page.cmake
# Compresses every file of FOLDER and writes OUTPUT/page.cpp, which pulls the results in with the assembler's .incbin:
# no array of a million numbers for the compiler to read.
file(REMOVE_RECURSE ${OUTPUT})
file(MAKE_DIRECTORY ${OUTPUT})
file(GLOB_RECURSE files RELATIVE ${FOLDER} ${FOLDER}/*)
list(SORT files)

set(type_html "text/html; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_json "application/json")
set(type_webmanifest "application/manifest+json")
set(type_txt "text/plain; charset=utf-8")
set(type_md "text/plain; charset=utf-8")
set(type_map "application/json")
set(type_svg "image/svg+xml")
set(type_png "image/png")
set(type_jpg "image/jpeg")
set(type_ico "image/x-icon")
set(type_woff2 "font/woff2")
set(type_wasm "application/wasm")

set(number 0)
foreach(name IN LISTS files)
  execute_process(
    COMMAND gzip -9 -n -c ${FOLDER}/${name}
    OUTPUT_FILE ${OUTPUT}/${number}.gz
    COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE ".*\\." "" extension ${name})
  if(NOT DEFINED type_${extension})
    message(FATAL_ERROR "${FOLDER}/${name}: what is the content type of .${extension}? Add it to write_page.cmake.")
  endif()
  file(SHA256 ${FOLDER}/${name} hash)
  string(SUBSTRING ${hash} 0 16 hash)
  string(APPEND data "    \"page_${number}: .incbin \\\"${OUTPUT}/${number}.gz\\\"\\n\"\n"
                     "    \"page_${number}_end:\\n\"\n")
  string(APPEND names "extern const std::byte page_${number}[], page_${number}_end[];\n")
  string(APPEND rows "    {\"/${name}\", \"${type_${extension}}\", {page_${number}, page_${number}_end}, "
                     "\"\\\"${hash}\\\"\"},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(WRITE ${OUTPUT}/page.cpp "// Written by cmake/write_page.cmake.
#include \"server/page.h\"

asm(\".pushsection .rodata\\n\"
${data}    \".popsection\\n\");

extern \"C\" {
${names}}

namespace dvi {

std::span<const PageFile> page_files() {
  static const PageFile files[] = {
${rows}  };
  return files;
}

}  // namespace dvi
")
