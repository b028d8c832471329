# Compiler settings every target shares, and the libraries from the system that targets link.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

find_program(ORDINATE_CCACHE ccache)
if(ORDINATE_CCACHE)
  # Precompiled headers and ccache agree only when time macros and header times are ignored.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    "${CMAKE_COMMAND}" -E env
    "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
    "${ORDINATE_CCACHE}")
endif()
find_program(ORDINATE_MOLD mold)
if(ORDINATE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_library(ordinate_flags INTERFACE)
target_compile_options(ordinate_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wno-missing-field-initializers
  # One fixed rounding of every product and sum on every CPU (contract 2.3).
  -ffp-contract=off)
target_include_directories(ordinate_flags INTERFACE "${PROJECT_SOURCE_DIR}")
if(ORDINATE_SANITIZER STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(ORDINATE_SANITIZER STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  # Where the compiler says so, Protocol Buffers' headers lay out maps otherwise than the
  # distribution's library, which was built without.
  add_compile_options(-U__SANITIZE_THREAD__)
  add_compile_definitions(ORDINATE_THREAD_SANITIZER _GLIBCXX_TSAN=1)
  # GCC's TSan does not model std::atomic_thread_fence, which library headers use.
  add_compile_options(-Wno-tsan)
  add_link_options(-fsanitize=thread)
elseif(ORDINATE_SANITIZER STREQUAL "fuzzer")
  # Clang's: AddressSanitizer and UndefinedBehaviorSanitizer, and coverage that libFuzzer reads.
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(ORDINATE_SANITIZER)
  message(FATAL_ERROR
    "ORDINATE_SANITIZER is '${ORDINATE_SANITIZER}'; it takes address, thread, fuzzer or nothing")
endif()

if(ORDINATE_SANITIZER AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 misreads std::variant and string concatenation under the sanitizers.
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict)
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG QUIET)
find_package(RocksDB CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_library(ORDINATE_XXHASH xxhash REQUIRED)
find_library(ORDINATE_HTTPLIB cpp-httplib REQUIRED)
find_library(ORDINATE_EDIT edit REQUIRED)
if(ORDINATE_WITH_TESTS)
  find_package(GTest REQUIRED)
  if(ORDINATE_WITH_HNSW)  # what graphs are compared with
    find_package(OpenMP REQUIRED)
    find_library(ORDINATE_FAISS faiss REQUIRED)
    find_library(ORDINATE_BLAS openblas REQUIRED)
    find_library(ORDINATE_LAPACK lapack REQUIRED)
  endif()
endif()
