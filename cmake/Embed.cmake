# embed(<target> <name> <pattern>): an interface library with the header "<name>.hpp", in which each
# file that matches stands whole as the string `<name>::<the file's name>`, so that what a server logs
# can be found in the source tree. The header is made again when a file changes.
function(embed target name pattern)
    file(GLOB files CONFIGURE_DEPENDS ${pattern})
    set(folder ${CMAKE_CURRENT_BINARY_DIR}/generated)
    set(body "#pragma once\n\n#include <string_view>\n\nnamespace ${name} {\n")
    foreach(file IN LISTS files)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
        get_filename_component(stem ${file} NAME_WE)
        file(READ ${file} text)
        string(APPEND body "\ninline constexpr std::string_view ${stem} = R\"~raw~(${text})~raw~\";\n")
    endforeach()
    string(APPEND body "\n} // namespace ${name}\n")
    file(WRITE ${folder}/${name}.hpp.new "${body}")
    file(COPY_FILE ${folder}/${name}.hpp.new ${folder}/${name}.hpp ONLY_IF_DIFFERENT)
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE ${folder})
endfunction()
