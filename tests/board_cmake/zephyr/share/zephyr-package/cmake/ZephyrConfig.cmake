# Stands in for Zephyr's build: the commands that a module and a sample of edgeae use, for the host.
# The symbols of prj.conf are set as they stand there; each has to be one of a module's Kconfig.
enable_language(C)
add_library(stand_in_interface INTERFACE)
target_include_directories(stand_in_interface INTERFACE ${STAND_INS}/zephyr)
add_executable(app ${STAND_INS}/zephyr/uart.c)
target_link_libraries(app PRIVATE stand_in_interface m)

file(STRINGS ${CMAKE_CURRENT_SOURCE_DIR}/prj.conf settings REGEX "=")
foreach(setting ${settings})
  string(REPLACE "=" ";" pair ${setting})
  list(GET pair 0 symbol)
  list(GET pair 1 value)
  set(${symbol} ${value})
endforeach()

macro(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY ${name})
  add_library(${name} STATIC)
  target_link_libraries(${name} PRIVATE stand_in_interface)
  target_link_libraries(app PRIVATE ${name})
endmacro()

function(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()

function(zephyr_include_directories)
  foreach(folder ${ARGN})
    target_include_directories(stand_in_interface INTERFACE ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
  endforeach()
endfunction()

function(zephyr_compile_definitions)
  target_compile_definitions(stand_in_interface INTERFACE ${ARGN})
endfunction()

foreach(module ${EXTRA_ZEPHYR_MODULES})
  add_subdirectory(${module} modules)
endforeach()
