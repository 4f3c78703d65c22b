# foundry_library(NAME SRCS… [DEPS…] [PRIVATE_DEPS…]): static library foundry_NAME, alias foundry::NAME.
# Sources include each other from the repository's root: #include "common/base/status.h".
function(foundry_library name)
  cmake_parse_arguments(arg "" "" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  if(arg_SRCS)
    add_library(foundry_${name} STATIC ${arg_SRCS})
    target_include_directories(foundry_${name} PUBLIC ${PROJECT_SOURCE_DIR})
    target_link_libraries(foundry_${name} PUBLIC ${arg_DEPS} PRIVATE ${arg_PRIVATE_DEPS})
  else()
    add_library(foundry_${name} INTERFACE)
    target_include_directories(foundry_${name} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(foundry_${name} INTERFACE ${arg_DEPS})
  endif()
  add_library(foundry::${name} ALIAS foundry_${name})
endfunction()

# foundry_binary(NAME SRCS… DEPS…): program NAME in build/<preset>/bin.
function(foundry_binary name)
  cmake_parse_arguments(arg "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${arg_SRCS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${arg_DEPS})
endfunction()

# foundry_test(NAME SRCS… DEPS… [LABELS…] [TIMEOUT seconds] [WHOLE]): GoogleTest program, one ctest entry
# a case; with WHOLE one for the program, where cases share something slow to start (a PostgreSQL).
# Tests find the repository by FOUNDRY_SOURCE_DIR and the shared reference data by FOUNDRY_SHARED_DIR.
function(foundry_test name)
  cmake_parse_arguments(arg "WHOLE" "TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  if(NOT FOUNDRY_BUILD_TESTS)
    return()
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${name} ${arg_SRCS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${arg_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  # Waiting OpenMP threads sleep: spinning makes tests that run side by side ten times slower.
  set(environment "FOUNDRY_SOURCE_DIR=${PROJECT_SOURCE_DIR}" "FOUNDRY_BIN_DIR=${CMAKE_BINARY_DIR}/bin"
                  OMP_WAIT_POLICY=passive)
  if(arg_WHOLE)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}"
                                            ENVIRONMENT "${environment}")
    return()
  endif()
  include(GoogleTest)
  # gtest_discover_tests takes a list of variables apart and keeps the first: env sets them all.
  set_target_properties(${name} PROPERTIES CROSSCOMPILING_EMULATOR
                        "${CMAKE_COMMAND};-E;env;${environment}")
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST TEST_PREFIX ${name}.
    PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
endfunction()
