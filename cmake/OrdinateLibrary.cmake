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

# ordinate_test(NAME SOURCES a_test.cc ... DEPS lib ... [LABELS threads ...] [TIMEOUT seconds]
#               [PARTS suffix=filter ...])
# Label `threads` marks a binary that is also run under ThreadSanitizer. PARTS run a long test as
# several that can run side by side: NAME_suffix has the cases that match the filter.
function(ordinate_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS;PARTS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  # Tests compile quickly; GCC 12 misreads std::variant as uninitialised.
  target_compile_options(${name} PRIVATE -O1 -Wno-maybe-uninitialized)
  target_link_libraries(${name} PRIVATE ordinate_flags ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  set(tests ${name})
  if(ARG_PARTS)
    list(TRANSFORM ARG_PARTS REPLACE "=.*" "" OUTPUT_VARIABLE tests)
    list(TRANSFORM tests PREPEND "${name}_")
  endif()
  foreach(test part IN ZIP_LISTS tests ARG_PARTS)
    string(REGEX REPLACE "^[^=]*=" "" filter "${part}")
    if(filter STREQUAL "")
      set(filter "*")
    endif()
    add_test(NAME ${test} COMMAND ${name} "--gtest_filter=${filter}")
    set_tests_properties(${test} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  endforeach()
  if("threads" IN_LIST ARG_LABELS)
    add_dependencies(thread_tests ${name})
  endif()
endfunction()
