# One test a case of tests/cli, and the one that installs.
file(GLOB cases CONFIGURE_DEPENDS tests/cli/cases/*.sh)
foreach(case ${cases})
  get_filename_component(name ${case} NAME_WE)
  add_test(NAME cli_${name}
           COMMAND tests/cli/run.sh --netwright $<TARGET_FILE:netwright> ${name}
           WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  set_tests_properties(cli_${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
endforeach()
add_test(NAME install
         COMMAND tests/install/run.sh ${CMAKE_CURRENT_BINARY_DIR} ${CMAKE_C_COMPILER}
         WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
set_tests_properties(install PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
