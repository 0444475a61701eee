# Run by cpack when the files of the package are in place: manual pages are compressed, and
# changelog and copyright are there.
set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
set(doc ${root}${CPACK_INSTALL_PREFIX}/share/doc/${CPACK_PACKAGE_NAME})

configure_file(${CPACK_CTFW_DEBIAN}/changelog.in ${doc}/changelog @ONLY)
file(COPY ${CPACK_CTFW_DEBIAN}/copyright DESTINATION ${doc}
  FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
file(GLOB pages ${root}${CPACK_INSTALL_PREFIX}/share/man/man*/*.[1-9])
execute_process(COMMAND gzip -9nf ${pages} ${doc}/changelog COMMAND_ERROR_IS_FATAL ANY)
