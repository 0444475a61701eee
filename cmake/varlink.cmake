# The interface file as a C string: what clients are told is what is installed.
set(interface_file ${CMAKE_CURRENT_SOURCE_DIR}/daemon/control/org.ctfw.varlink)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${interface_file})
file(READ ${interface_file} interface_text)
string(REPLACE "\\" "\\\\" interface_text "${interface_text}")
string(REPLACE "\"" "\\\"" interface_text "${interface_text}")
string(REPLACE "\n" "\\n\"\n\t\"" interface_text "${interface_text}")
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/generated/control_interface.c CONTENT
[=[/* Made from org.ctfw.varlink by cmake/varlink.cmake. */
#include "ctfw/control.h"

const char control_interface_text[] =
	"@interface_text@";
]=] @ONLY)
target_sources(ctfw PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/generated/control_interface.c)
