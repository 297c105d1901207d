# embed(<target> <name> <pattern>): makes a library with the header "<name>.hpp", which declares a string
# `<name>::<the file's name>`, with underscores for dashes, for each file that matches, also in
# subfolders. The strings are defined in a separate file, so that only this file is compiled again after
# an embedded file is edited. Each string is the whole file, so that a statement in a server's log can be
# found in the source tree. A line "-- include FILE.inc", with a path from the pattern's folder, is
# replaced by that file.
function(embed target name pattern)
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${pattern})
    list(SORT files COMPARE FILE_BASENAME) # moving a file changes no declaration
    get_filename_component(top ${pattern} DIRECTORY)
    set(folder ${CMAKE_CURRENT_BINARY_DIR}/generated)
    set(declarations "#pragma once\n\n#include <string_view>\n\nnamespace ${name} {\n\n")
    set(definitions "#include \"${name}.hpp\"\n\nnamespace ${name} {\n")
    foreach(file IN LISTS files)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
        get_filename_component(stem ${file} NAME_WE)
        string(MAKE_C_IDENTIFIER ${stem} stem)
        file(READ ${file} text)
        string(REGEX MATCHALL "-- include [a-z_/]+[.]inc\n" includes "${text}")
        foreach(include IN LISTS includes)
            string(REGEX REPLACE "-- include (.*)\n" "${top}/\\1" included "${include}")
            set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${included})
            file(READ ${included} replacement)
            string(REPLACE "${include}" "${replacement}" text "${text}")
        endforeach()
        string(APPEND declarations "extern const std::string_view ${stem};\n")
        string(APPEND definitions
            "\nconstinit const std::string_view ${stem} = R\"~raw~(${text})~raw~\";\n")
    endforeach()
    write_if_different(${folder}/${name}.hpp "${declarations}\n} // namespace ${name}\n")
    write_if_different(${folder}/${name}.cpp "${definitions}\n} // namespace ${name}\n")
    add_library(${target} STATIC ${folder}/${name}.cpp)
    target_include_directories(${target} PUBLIC ${folder})
endfunction()

function(write_if_different path text)
    file(WRITE ${path}.new "${text}")
    file(COPY_FILE ${path}.new ${path} ONLY_IF_DIFFERENT)
endfunction()
