# Packages. A Debian package is built by "cpack -G DEB" in the build folder, or by scripts/package, which also
# uses the distribution's flags. It is for the Debian release that it is built on, because the names
# of library packages differ between releases; so do the package's versions (1.0.0-1~deb12 and
# 1.0.0-1~deb13).
set(BACKFILL_MAINTAINER "Nobody in particular <nobody@timescaledb-backfill.invalid>" CACHE STRING
    "Maintainer of the Debian package: Name <address>")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ${PROJECT_NAME})
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT ${BACKFILL_MAINTAINER})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
# Debian's descriptions begin with a lower-case letter.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "copies time-series history between TimescaleDB databases")
set(CPACK_PACKAGE_DESCRIPTION
"timescaledb-backfill moves the history of hypertables, 100 GB to 10 TB of
it, from one TimescaleDB to another while the application writes to both. It
copies chunk by chunk, compressed ones as they are, can be stopped and started
again at any time, and compares both sides in the end.")

set(debian "")
if(EXISTS /etc/os-release)
    file(STRINGS /etc/os-release debian REGEX "^VERSION_ID=")
    string(REGEX REPLACE "[^0-9.]" "" debian "${debian}")
endif()
set(CPACK_DEBIAN_PACKAGE_RELEASE 1~deb${debian})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "postgresql-client") # for clone-schema
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "bash-completion")

# The .rpm has the portable executable, which needs no packages. Stripping it would remove what is
# appended to it.
set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE Apache-2.0)
set(CPACK_RPM_PACKAGE_AUTOREQ OFF)
set(CPACK_PACKAGE_RELOCATABLE OFF)
set(CPACK_RPM_PACKAGE_VENDOR ${BACKFILL_MAINTAINER})
set(CPACK_RPM_PACKAGE_DESCRIPTION ${CPACK_PACKAGE_DESCRIPTION})
set(CPACK_RPM_SPEC_MORE_DEFINE
    "%define __os_install_post %{nil}\n%define debug_package %{nil}\n%define _build_id_links none")

set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/DebianFiles.cmake)
set(CPACK_BACKFILL_COPYRIGHT ${PROJECT_SOURCE_DIR}/cmake/copyright)
include(CPack)
