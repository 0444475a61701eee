# Where a distribution expects things.
foreach(pair "ctfwd;${CMAKE_INSTALL_SBINDIR}" "ctfwctl;${CMAKE_INSTALL_BINDIR}")
  list(GET pair 0 program)
  list(GET pair 1 place)
  if(TARGET ${program})
    install(TARGETS ${program} DESTINATION ${place})
  endif()
endforeach()
