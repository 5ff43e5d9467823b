# Compiler options, outside libraries, and quoris_library(), which makes one target per room.

find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(cxxopts REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(libuv REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(libcrypto REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)

add_library(quoris_options INTERFACE)
target_include_directories(quoris_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src)
target_compile_options(quoris_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                                -Werror)
if(QUORIS_SANITIZE)
  # g++ 12 takes members of std::regex (by way of cxxopts) for uninitialized under a sanitizer.
  # The check of vptr opens a pipe: a test that runs out of descriptors would fail in it.
  target_compile_options(quoris_options INTERFACE -fsanitize=${QUORIS_SANITIZE} -fno-sanitize=vptr
                                                  -fno-omit-frame-pointer
                                                  -Wno-maybe-uninitialized)
  target_link_options(quoris_options INTERFACE -fsanitize=${QUORIS_SANITIZE})
  if(QUORIS_SANITIZE STREQUAL thread)
    # There it finds writes past the end of the temporary in `std::string(n, 'x') + "y"`.
    target_compile_options(quoris_options INTERFACE -Wno-array-bounds -Wno-stringop-overflow)
  endif()
endif()
if(QUORIS_TESTS)
  target_compile_definitions(quoris_options INTERFACE QUORIS_PLANTED_BUGS)
endif()
if(QUORIS_FUZZERS)
  # Every room reports its coverage to the fuzzer; clang's warnings are not ours to obey.
  target_compile_options(quoris_options INTERFACE -fsanitize=fuzzer-no-link -Wno-error)
endif()

# jemalloc in the shipped binary; the sanitizers bring an allocator of their own.
add_library(quoris_allocator INTERFACE)
if(NOT QUORIS_SANITIZE)
  pkg_check_modules(jemalloc REQUIRED IMPORTED_TARGET jemalloc)
  target_link_libraries(quoris_allocator INTERFACE PkgConfig::jemalloc)
  target_compile_definitions(quoris_allocator INTERFACE QUORIS_JEMALLOC=1)
endif()

# What nearly every source includes, or what takes long to read.
set(QUORIS_COMMON_HEADERS
    <algorithm> <array> <cstdint> <deque> <functional> <map> <memory> <optional> <set> <span>
    <string> <string_view> <tuple> <utility> <variant> <vector> <fmt/format.h>)

# Under QUORIS_PCH the target's HEAVY headers (and the common ones) are compiled once for all of its
# sources. Rooms that name none share what the first of them has compiled.
function(quoris_read_once target)
  if(NOT QUORIS_PCH)
    return()
  endif()
  get_property(shared GLOBAL PROPERTY QUORIS_SHARED_PCH)
  if(ARGN)
    list(TRANSFORM ARGN PREPEND ${CMAKE_SOURCE_DIR}/)
    target_precompile_headers(${target} PRIVATE ${QUORIS_COMMON_HEADERS} ${ARGN})
  elseif(shared)
    target_precompile_headers(${target} REUSE_FROM ${shared})
  else()
    set_property(GLOBAL PROPERTY QUORIS_SHARED_PCH ${target})
    target_precompile_headers(${target} PRIVATE ${QUORIS_COMMON_HEADERS})
  endif()
endfunction()

# quoris_library(<room> DIR <folder> DEPS <rooms>... [HEAVY <headers>...]): a static library of each
# .cc below DIR, but for those of rooms that lie within it and were declared before. HEAVY headers
# are what most of them include and what takes long to read.
# Headers are included by their path from the repository's root or from src.
function(quoris_library room)
  cmake_parse_arguments(ARG "" "DIR" "DEPS;HEAVY" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${ARG_DIR}/*.cc)
  get_property(inner GLOBAL PROPERTY QUORIS_ROOM_FOLDERS)
  foreach(folder ${inner})
    list(FILTER sources EXCLUDE REGEX "^${CMAKE_SOURCE_DIR}/${folder}/")
  endforeach()
  set_property(GLOBAL APPEND PROPERTY QUORIS_ROOM_FOLDERS ${ARG_DIR})
  if(NOT sources)
    message(FATAL_ERROR "room ${room} has no sources in ${ARG_DIR}")
  endif()
  add_library(quoris_${room} STATIC ${sources})
  target_link_libraries(quoris_${room} PRIVATE quoris_options)
  foreach(dep ${ARG_DEPS})
    target_link_libraries(quoris_${room} PUBLIC quoris_${dep})
  endforeach()
  quoris_read_once(quoris_${room} ${ARG_HEAVY})
endfunction()
