# A Debian package: cmake --build --preset release --target package
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ctfw)
set(CPACK_PACKAGE_CONTACT "The ctfw maintainers <maintainers@ctfw.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "stateful firewall for VPN hosts, in userspace")
set(CPACK_PACKAGE_DESCRIPTION
"ctfwd reads the packets of a VPN interface from TUN devices, tracks their
connections as Linux conntrack does, judges them by rules in the nftables
language, and writes what is accepted back. ctfwctl shows and changes it.")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/package)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
  "init-system-helpers (>= 1.54), systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS iproute2)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION TRUE)
set(debian ${CMAKE_CURRENT_SOURCE_DIR}/packaging/debian)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${debian}/conffiles ${debian}/postinst ${debian}/prerm ${debian}/postrm)
# The programs know their places, so the files go there and nowhere else; DESTDIR as well
# because the configuration is not below the prefix.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
# What Debian wants of files beyond their places.
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/cmake/package_files.cmake)
set(CPACK_CTFW_DEBIAN ${debian})
include(CPack)
