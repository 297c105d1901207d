# Shell completions and the manual page. The program generates them from the definition of its command
# line. They are installed where Debian's shells and man look for them.
set(texts ${PROJECT_BINARY_DIR}/texts)
set(bash_text ${texts}/timescaledb-backfill)
set(zsh_text ${texts}/_timescaledb-backfill)
set(fish_text ${texts}/timescaledb-backfill.fish)
set(man_text ${texts}/timescaledb-backfill.1)
file(MAKE_DIRECTORY ${texts})
foreach(form bash zsh fish man)
    add_custom_command(
        OUTPUT ${${form}_text}
        COMMAND timescaledb-backfill --generate ${form} > ${${form}_text}
        DEPENDS timescaledb-backfill
        COMMENT "Writing ${${form}_text}"
        VERBATIM)
endforeach()
add_custom_target(command_line_texts ALL
    DEPENDS ${bash_text} ${zsh_text} ${fish_text} ${man_text})

install(FILES ${bash_text} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
# Where Debian's zsh looks below /usr/local. Below /usr it looks elsewhere (cmake/DebianFiles.cmake).
install(FILES ${zsh_text} DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${fish_text} DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES ${man_text} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
