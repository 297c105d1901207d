# embed_sql(<target> <directory>): an interface library with the header "sql.hpp", in which each
# <directory>/<name>.sql stands as `sql::<name>`, comments and all, so that what the server logs
# can be found in the source tree. The header is made again when a file changes.
function(embed_sql target directory)
    file(GLOB statements CONFIGURE_DEPENDS ${directory}/*.sql)
    set(header ${CMAKE_CURRENT_BINARY_DIR}/generated/sql.hpp)
    set(body "#pragma once\n\n#include <string_view>\n\nnamespace sql {\n")
    foreach(statement IN LISTS statements)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${statement})
        get_filename_component(name ${statement} NAME_WE)
        file(READ ${statement} text)
        string(APPEND body "\ninline constexpr std::string_view ${name} = R\"~sql~(${text})~sql~\";\n")
    endforeach()
    string(APPEND body "\n} // namespace sql\n")
    file(CONFIGURE OUTPUT ${header} CONTENT "${body}" @ONLY)
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE ${CMAKE_CURRENT_BINARY_DIR}/generated)
endfunction()
