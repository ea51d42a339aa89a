# The package: one library of all rooms, their headers, the command, and the files that find_package(ecotone) reads.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(room_targets GLOBAL PROPERTY ECOTONE_ROOM_TARGETS)
get_property(room_libs GLOBAL PROPERTY ECOTONE_ROOM_LIBS)
list(REMOVE_DUPLICATES room_libs)
set(objects)
foreach(target IN LISTS room_targets)
  list(APPEND objects $<TARGET_OBJECTS:${target}>)
endforeach()

function(_ecotone_whole_library target kind)
  add_library(${target} ${kind} ${objects})
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                              $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PUBLIC fmt::fmt Threads::Threads PRIVATE ${room_libs})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ecotone LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION}
                                             SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ecotone)
endfunction()

_ecotone_whole_library(ecotone STATIC)

# The shared library shows what is in namespace ecotone and hides the libraries inside it, so that two versions of
# those can live in one process.
_ecotone_whole_library(ecotone_shared SHARED)
set(symbols ${PROJECT_SOURCE_DIR}/cmake/ecotone.symbols)
target_link_options(ecotone_shared PRIVATE -Wl,--version-script=${symbols} -Wl,--no-undefined)
set_target_properties(ecotone_shared PROPERTIES LINK_DEPENDS ${symbols})
if(NOT ECOTONE_SHARED)
  set_target_properties(ecotone_shared PROPERTIES EXCLUDE_FROM_ALL ON)
endif()

add_library(ecotone::ecotone ALIAS ecotone)

if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()

if(ECOTONE_SHARED)
  install(TARGETS ecotone_shared EXPORT ecotone-targets)
else()
  install(TARGETS ecotone EXPORT ecotone-targets)
endif()
if(TARGET eco)
  install(TARGETS eco)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/ecotone DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# What a program that links the static library must find besides.
set(ECOTONE_FIND_DEPENDENCIES "")
foreach(lib IN LISTS room_libs)
  if(lib MATCHES "^([A-Za-z0-9_]+)::")
    string(APPEND ECOTONE_FIND_DEPENDENCIES "find_dependency(${CMAKE_MATCH_1})\n")
  endif()
endforeach()
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ecotone)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/ecotone-config.cmake.in
                              ${PROJECT_BINARY_DIR}/ecotone-config.cmake INSTALL_DESTINATION ${package_dir})
# Until 1.0 a new minor version may break programs.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ecotone-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ecotone-config.cmake ${PROJECT_BINARY_DIR}/ecotone-config-version.cmake
        DESTINATION ${package_dir})
install(EXPORT ecotone-targets NAMESPACE ecotone:: DESTINATION ${package_dir})
