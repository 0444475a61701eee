# Where a distribution expects things.
foreach(pair "ctfwd;${CMAKE_INSTALL_SBINDIR}" "ctfwctl;${CMAKE_INSTALL_BINDIR}")
  list(GET pair 0 program)
  list(GET pair 1 place)
  if(TARGET ${program})
    install(TARGETS ${program} DESTINATION ${place})
  endif()
endforeach()

foreach(section 5 8)
  file(GLOB pages man/*.${section})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
install(FILES daemon/control/org.ctfw.varlink DESTINATION ${CMAKE_INSTALL_DATADIR}/varlink)
install(FILES completion/ctfwctl.bash
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ctfwctl)

# systemd looks below lib, not below a machine's own library directory.
foreach(unit ctfwd ctfw-guard ctfw-open)
  configure_file(systemd/${unit}.service.in generated/${unit}.service @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/generated/${unit}.service
    DESTINATION lib/systemd/system)
endforeach()
install(FILES systemd/ctfwd.sysusers DESTINATION lib/sysusers.d RENAME ctfwd.conf)

# Samples; in the place where they count only if there is nothing yet.
configure_file(conf/ctfwd.conf.in generated/ctfwd.conf @ONLY)
set(samples ${CMAKE_CURRENT_BINARY_DIR}/generated/ctfwd.conf
  ${CMAKE_CURRENT_SOURCE_DIR}/conf/ruleset.nft)
install(FILES ${samples} DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
foreach(directory nat openvpn wireguard)
  install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/conf/${directory}
    DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples USE_SOURCE_PERMISSIONS)
endforeach()
foreach(sample ${samples})
  install(CODE "
    set(place \"${CMAKE_INSTALL_FULL_SYSCONFDIR}/ctfw\")
    if(NOT CMAKE_INSTALL_PREFIX STREQUAL \"${CMAKE_INSTALL_PREFIX}\")
      set(place \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SYSCONFDIR}/ctfw\")
    endif()
    get_filename_component(name \"${sample}\" NAME)
    if(NOT EXISTS \"\$ENV{DESTDIR}\${place}/\${name}\")
      file(INSTALL \"${sample}\" DESTINATION \"\${place}\")
    endif()")
endforeach()
