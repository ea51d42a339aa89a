# A room is a folder of ecotone/ and a static library. A room, an app, a test folder exists as soon as it has a
# CMakeLists.txt; no shared list needs an edit.

# Adds folder `dir` when it has a CMakeLists.txt.
function(ecotone_add_if_present dir)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${dir}/CMakeLists.txt)
    add_subdirectory(${dir})
  endif()
endfunction()

# Adds every folder directly under `dir` that has a CMakeLists.txt. "." is the current folder.
function(ecotone_add_subdirectories dir)
  file(GLOB lists CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${dir}/*/CMakeLists.txt)
  list(SORT lists)
  foreach(list_file IN LISTS lists)
    get_filename_component(child ${list_file} DIRECTORY)
    file(RELATIVE_PATH child ${CMAKE_CURRENT_SOURCE_DIR} ${child})
    add_subdirectory(${child})
  endforeach()
endfunction()

# With ECOTONE_UNITY, compiles some six sources of the target as one, which takes a third of the time. A source's group
# follows from its name, so that a new one changes no other group.
function(ecotone_group_sources target)
  if(NOT ECOTONE_UNITY)
    return()
  endif()
  get_target_property(sources ${target} SOURCES)
  list(LENGTH sources count)
  set(groups 1)
  while(count GREATER 8)
    math(EXPR groups "${groups} * 2")
    math(EXPR count "${count} / 2")
  endwhile()
  foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME)
    string(MD5 hash ${name})
    string(SUBSTRING ${hash} 0 7 digits)
    math(EXPR group "0x${digits} % ${groups}")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${group})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()

# ecotone_add_room(<name> [RECURSE] [DEPS <rooms>...] [LIBS <targets>...] [EXCLUDE <regex>])
#
# Makes the static library ecotone_<name> of all .cpp files in this folder (with RECURSE also of those below it).
# DEPS are rooms, by name (`ir`, `format_onnx`); one that does not exist yet is ignored. LIBS are other people's targets.
function(ecotone_add_room name)
  cmake_parse_arguments(arg "RECURSE" "EXCLUDE" "DEPS;LIBS" ${ARGN})
  if(arg_RECURSE)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cpp)
  else()
    file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  endif()
  if(arg_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "${arg_EXCLUDE}")
  endif()
  set(target ecotone_${name})
  if(NOT sources)
    # Headers only, so far.
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  else()
    add_library(${target} STATIC ${sources})
    target_link_libraries(${target} PRIVATE ecotone_options)
    ecotone_group_sources(${target})
    set(scope PUBLIC)
    set_property(GLOBAL APPEND PROPERTY ECOTONE_ROOM_TARGETS ${target})
  endif()
  target_include_directories(${target} ${scope} ${PROJECT_SOURCE_DIR})
  target_link_libraries(${target} ${scope} fmt::fmt Threads::Threads)
  foreach(dep IN LISTS arg_DEPS)
    target_link_libraries(${target} ${scope} $<TARGET_NAME_IF_EXISTS:ecotone_${dep}>)
  endforeach()
  target_link_libraries(${target} ${scope} ${arg_LIBS})
  # What the installed library must be linked with.
  set_property(GLOBAL APPEND PROPERTY ECOTONE_ROOM_LIBS ${arg_LIBS})
endfunction()

# ecotone_add_test(<name> SOURCES <files>... [LIBS <targets or rooms>...] [LABELS <labels>...] [TIMEOUT <seconds>]
#                  [ENVIRONMENT <NAME=value>...] [ARGS <arguments>...])
#
# A GoogleTest binary that is one CTest test. Labels:
#   fast      part of `make test-fast` (all of them together: about a minute)
#   sanitize  also run under sanitizers by .ci/run
#   conformance, bench   not part of `make test`
# Every test but the last two kinds is part of `make test`.
function(ecotone_add_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LIBS;LABELS;ENVIRONMENT;ARGS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ecotone_options fmt::fmt)
  foreach(lib IN LISTS arg_LIBS)
    # Accept `ir` for ecotone_ir; rooms that are not there yet are skipped.
    if(lib MATCHES "^(-|.*::|ecotone_)" OR TARGET ${lib})
      if(lib MATCHES "^ecotone_")
        target_link_libraries(${name} PRIVATE $<TARGET_NAME_IF_EXISTS:${lib}>)
      else()
        target_link_libraries(${name} PRIVATE ${lib})
      endif()
    else()
      target_link_libraries(${name} PRIVATE $<TARGET_NAME_IF_EXISTS:ecotone_${lib}>)
    endif()
  endforeach()
  target_link_libraries(${name} PRIVATE GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE ECOTONE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name} ${arg_ARGS})
  _ecotone_test_properties(${name} "${arg_LABELS}" "${arg_TIMEOUT}" "${arg_ENVIRONMENT}")
endfunction()

# ecotone_add_python_test(<name> SCRIPT <file> [ARGS ...] [LABELS ...] [TIMEOUT <seconds>] [ENVIRONMENT <NAME=value>...])
#
# Runs a script with the Python of build/venv. It exits non-zero on failure; when it prints a line
# `N passed, N failed`, those numbers are counted, else it counts as one test. In its environment: ECO (the command),
# ECOTONE_SOURCE_DIR, ECOTONE_BINARY_DIR.
function(ecotone_add_python_test name)
  cmake_parse_arguments(arg "" "TIMEOUT;SCRIPT" "LABELS;ENVIRONMENT;ARGS" ${ARGN})
  get_filename_component(script ${arg_SCRIPT} ABSOLUTE)
  add_test(NAME ${name} COMMAND ${ECOTONE_PYTHON} ${script} ${arg_ARGS})
  list(APPEND arg_ENVIRONMENT PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 JAX_PLATFORMS=cpu)
  _ecotone_test_properties(${name} "${arg_LABELS}" "${arg_TIMEOUT}" "${arg_ENVIRONMENT}")
endfunction()

# The Python that has the packages of requirements/; made by scripts/bootstrap.
set(ECOTONE_PYTHON "${PROJECT_SOURCE_DIR}/build/venv/bin/python" CACHE FILEPATH "Python for tests and engine workers")

function(_ecotone_test_properties name labels timeout environment)
  if(NOT timeout)
    set(timeout 300)
  endif()
  list(APPEND environment "ECO=${CMAKE_BINARY_DIR}/bin/eco" "ECOTONE_SOURCE_DIR=${PROJECT_SOURCE_DIR}"
       "ECOTONE_BINARY_DIR=${CMAKE_BINARY_DIR}" "ECOTONE_PYTHON=${ECOTONE_PYTHON}")
  set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${timeout} ENVIRONMENT "${environment}"
                       WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
endfunction()

# ecotone_add_fuzzer(<name> SOURCES <files>... [LIBS <targets or rooms>...])
#
# A libFuzzer binary under <build>/fuzz; only in the fuzz preset. A folder fuzz/corpus/<name> is its seeds.
function(ecotone_add_fuzzer name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ecotone_options fmt::fmt)
  foreach(lib IN LISTS arg_LIBS)
    if(lib MATCHES "::")
      target_link_libraries(${name} PRIVATE ${lib})
    else()
      string(REGEX REPLACE "^ecotone_" "" lib ${lib})
      target_link_libraries(${name} PRIVATE $<TARGET_NAME_IF_EXISTS:ecotone_${lib}>)
    endif()
  endforeach()
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()
