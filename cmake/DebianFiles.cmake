# Run by cpack on the package's installed files: moves and renames them as Debian's policy requires.
if(NOT CPACK_GENERATOR STREQUAL DEB)
    return()
endif()
file(GLOB_RECURSE program ${CPACK_TEMPORARY_DIRECTORY}/timescaledb-backfill.1)
get_filename_component(share ${program}/../../.. ABSOLUTE)
set(documents ${share}/doc/timescaledb-backfill)

function(compress file)
    execute_process(COMMAND gzip -9 -n ${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# The license is in Debian's base system; the copyright file says where.
file(REMOVE ${documents}/LICENSE)
configure_file(${CPACK_BACKFILL_COPYRIGHT} ${documents}/copyright COPYONLY)

# The changelogs of the program and of the package.
file(RENAME ${documents}/CHANGELOG.md ${documents}/changelog)
compress(${documents}/changelog)
# This uses SOURCE_DATE_EPOCH if it is set.
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${documents}/changelog.Debian
"timescaledb-backfill (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium

  * Built from its own sources; changelog.gz says what is new.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
compress(${documents}/changelog.Debian)
compress(${share}/man/man1/timescaledb-backfill.1)

# Debian's zsh looks in vendor-completions.
file(MAKE_DIRECTORY ${share}/zsh/vendor-completions)
file(RENAME ${share}/zsh/site-functions/_timescaledb-backfill
    ${share}/zsh/vendor-completions/_timescaledb-backfill)
file(REMOVE_RECURSE ${share}/zsh/site-functions)
