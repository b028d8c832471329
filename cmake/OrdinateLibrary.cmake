# One library per folder, one test binary per tested folder.

# ordinate_library(NAME SOURCES a.cc ... DEPS other_target ...)
# The static library of one folder. PCH ON compiles it with the shared precompiled headers.
function(ordinate_library name)
  cmake_parse_arguments(ARG "" "PCH" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ordinate_flags ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
  if(ARG_PCH)
    target_precompile_headers(${name} PRIVATE ${ARG_PCH})
  endif()
endfunction()

# Builds every test labelled `threads`.
add_custom_target(thread_tests)

# ordinate_test(NAME SOURCES a_test.cc ... DEPS lib ... [LABELS threads ...] [TIMEOUT seconds])
# Label `threads` marks a binary that is also run under ThreadSanitizer.
function(ordinate_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  # Tests compile quickly; GCC 12 misreads std::variant as uninitialised.
  target_compile_options(${name} PRIVATE -O1 -Wno-maybe-uninitialized)
  target_link_libraries(${name} PRIVATE ordinate_flags ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  if("threads" IN_LIST ARG_LABELS)
    add_dependencies(thread_tests ${name})
  endif()
endfunction()
