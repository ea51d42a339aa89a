# Flags that hold for every target, and the compiler cache.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g0 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-g1") # -O comes from the preset, where there is one

add_library(ecotone_options INTERFACE)
# Numbers must not depend on whether the compiler saw a chance to fuse a multiply and an add.
target_compile_options(
  ecotone_options
  INTERFACE -ffp-contract=off
            -Wall
            -Wextra
            -Wno-missing-field-initializers
            $<$<CXX_COMPILER_ID:GNU>:-fdiagnostics-color=auto>)
if(ECOTONE_WERROR)
  # g++ 12 reports these wrongly for inlined standard containers.
  target_compile_options(
    ecotone_options
    INTERFACE -Werror
              $<$<CXX_COMPILER_ID:GNU>:-Wno-error=array-bounds
              -Wno-error=dangling-pointer
              -Wno-error=maybe-uninitialized
              -Wno-error=restrict
              -Wno-error=stringop-overflow
              -Wno-error=stringop-overread>)
endif()

if(ECOTONE_SANITIZE)
  add_compile_options(-fsanitize=${ECOTONE_SANITIZE} -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${ECOTONE_SANITIZE})
  if(ECOTONE_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=all)
  endif()
endif()

# base_dir and no hash_dir: build folders side by side share what they compiled.
find_program(ECOTONE_CCACHE ccache)
if(ECOTONE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=time_macros
      ${ECOTONE_CCACHE})
endif()
