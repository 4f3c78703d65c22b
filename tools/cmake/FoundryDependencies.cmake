# Every third-party dependency of Foundry.
#
# tools/setup.sh puts libtorch and Arrow into .deps/venv; pass -DFOUNDRY_TORCH_DIR=/path/to/libtorch
# or -DFOUNDRY_ARROW_DIR=/path/to/arrow to use other copies.
include(CheckIncludeFileCXX)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CURL REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc i18n data)
find_package(OpenMP REQUIRED COMPONENTS CXX)
pkg_check_modules(LIBPQXX REQUIRED IMPORTED_TARGET libpqxx)
pkg_check_modules(POPPLER REQUIRED IMPORTED_TARGET poppler-cpp)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(TESSERACT REQUIRED IMPORTED_TARGET tesseract)

# Protobuf, gRPC and Abseil must come before Torch: its CMake files define a dummy
# protobuf::libprotobuf that nothing links against.
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
if(FOUNDRY_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()

set(FOUNDRY_PYTHON ${PROJECT_SOURCE_DIR}/.deps/venv/bin/python
    CACHE FILEPATH "Python of the virtual environment that tools/setup.sh makes")
execute_process(COMMAND ${FOUNDRY_PYTHON} -c
                        "import sysconfig; print(sysconfig.get_paths()['purelib'])"
                OUTPUT_VARIABLE site_packages OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
set(FOUNDRY_TORCH_DIR "${site_packages}/torch" CACHE PATH "A libtorch folder")
set(FOUNDRY_ARROW_DIR "${site_packages}/pyarrow" CACHE PATH "A folder with Arrow's include/ and libraries")

# ---- libtorch: reached only through foundry::torch, and only by common/lm. Its include folder
# carries old protobuf and fmt headers, so no target may see it together with protobuf or gRPC.
find_library(FOUNDRY_LIBTORCH torch PATHS ${FOUNDRY_TORCH_DIR}/lib NO_DEFAULT_PATH)
if(NOT FOUNDRY_LIBTORCH)
  message(FATAL_ERROR "No libtorch under '${FOUNDRY_TORCH_DIR}': run tools/setup.sh, or pass "
                      "-DFOUNDRY_TORCH_DIR=/path/to/libtorch")
endif()
list(APPEND CMAKE_PREFIX_PATH ${FOUNDRY_TORCH_DIR})
find_package(Torch REQUIRED)
add_library(foundry_torch INTERFACE)
add_library(foundry::torch ALIAS foundry_torch)
target_link_libraries(foundry_torch INTERFACE ${TORCH_LIBRARIES})
target_include_directories(foundry_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})

# ---- Arrow C++ from the pyarrow wheel (or a system copy of the same layout).
find_library(FOUNDRY_LIBARROW arrow PATHS ${FOUNDRY_ARROW_DIR} ${FOUNDRY_ARROW_DIR}/lib NO_DEFAULT_PATH)
find_library(FOUNDRY_LIBPARQUET parquet PATHS ${FOUNDRY_ARROW_DIR} ${FOUNDRY_ARROW_DIR}/lib
             NO_DEFAULT_PATH)
if(NOT FOUNDRY_LIBARROW OR NOT FOUNDRY_LIBPARQUET)
  message(FATAL_ERROR "No Arrow C++ under '${FOUNDRY_ARROW_DIR}': run tools/setup.sh, or pass "
                      "-DFOUNDRY_ARROW_DIR=/path/to/arrow")
endif()
add_library(foundry_arrow INTERFACE)
add_library(foundry::arrow ALIAS foundry_arrow)
target_link_libraries(foundry_arrow INTERFACE ${FOUNDRY_LIBPARQUET} ${FOUNDRY_LIBARROW})
target_include_directories(foundry_arrow SYSTEM INTERFACE ${FOUNDRY_ARROW_DIR}/include)
