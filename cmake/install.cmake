# What `cmake --install` brings: library, headers, command, manual, completions.

# The shared library shows what the public headers declare, and nothing else.
set(PUBLIC_HEADERS include/netwright.h include/netwright_ext.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PUBLIC_HEADERS})
set(exports)
foreach(header ${PUBLIC_HEADERS})
  file(READ ${header} text)
  # Declarations start a line with a lower-case word; macros and comments do not.
  string(REGEX MATCHALL "\n[a-z][a-z0-9_ *]*[ *]nw_[a-z0-9_]+\\(" found "${text}")
  foreach(line ${found})
    string(REGEX REPLACE ".*[ *](nw_[a-z0-9_]+)\\($" "\\1" name "${line}")
    string(APPEND exports "    ${name};\n")
  endforeach()
endforeach()
set(map ${CMAKE_CURRENT_BINARY_DIR}/netwright.map)
file(CONFIGURE OUTPUT ${map} CONTENT "{\nglobal:\n${exports}local:\n    *;\n};\n")

add_library(netwright_shared SHARED ${NW_OBJECTS})
set_target_properties(netwright_shared PROPERTIES OUTPUT_NAME netwright EXPORT_NAME netwright
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS ${map})
target_include_directories(netwright_shared INTERFACE
  $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
target_link_options(netwright_shared PRIVATE -Wl,--version-script=${map})
if(NOT NW_SANITIZE) # whose run time is found only by the program
  target_link_options(netwright_shared PRIVATE -Wl,--no-undefined)
endif()
target_link_libraries(netwright_shared PRIVATE ${NW_LIBRARIES})

install(TARGETS netwright_shared EXPORT netwright)
install(TARGETS netwright_static netwright)
install(FILES ${PUBLIC_HEADERS} TYPE INCLUDE)

# pkg-config and find_package
# For the archive: what it calls, of which shared libraries are taken.
list(JOIN DEPS_LDFLAGS " " NW_PC_LIBS)
configure_file(cmake/netwright.pc.in netwright.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/netwright.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(netwrightConfigVersion.cmake COMPATIBILITY SameMinorVersion)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/netwright)
install(EXPORT netwright NAMESPACE netwright:: FILE netwrightConfig.cmake
        DESTINATION ${package_dir})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/netwrightConfigVersion.cmake
        DESTINATION ${package_dir})

# The manual page and the completions are what the command says of itself.
function(add_spoken name)
  add_custom_command(OUTPUT ${name} COMMAND netwright ${ARGN} > ${name} DEPENDS netwright
                     VERBATIM)
endfunction()
add_spoken(netwright.1 help --man)
add_spoken(netwright.bash completion bash)
add_spoken(_netwright completion zsh)
add_spoken(netwright.fish completion fish)
set(spoken ${CMAKE_CURRENT_BINARY_DIR})
add_custom_target(spoken ALL DEPENDS ${spoken}/netwright.1 ${spoken}/netwright.bash
                  ${spoken}/_netwright ${spoken}/netwright.fish)
set(share ${CMAKE_INSTALL_DATADIR})
install(FILES ${spoken}/netwright.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${spoken}/netwright.bash DESTINATION ${share}/bash-completion/completions
        RENAME netwright)
install(FILES ${spoken}/_netwright DESTINATION ${share}/zsh/site-functions)
install(FILES ${spoken}/netwright.fish DESTINATION ${share}/fish/vendor_completions.d)

# `ninja -C build docs` writes docs/reference anew.
set(pages)
foreach(page command ops spaces strategies estimators datasets exporters)
  list(APPEND pages COMMAND netwright help --markdown ${page}
       > ${CMAKE_CURRENT_SOURCE_DIR}/docs/reference/${page}.md)
endforeach()
add_custom_target(docs ${pages} DEPENDS netwright VERBATIM)
