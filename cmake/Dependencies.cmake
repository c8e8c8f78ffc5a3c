# Third-party libraries, each used by one module only. The reason for each: docs/decisions/0005-dependencies.md.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)             # base: text formatting (libstdc++ 12 has no <format>)
find_package(spdlog REQUIRED)          # base: log
find_package(OpenSSL REQUIRED)         # base: SHA-256
find_package(nlohmann_json REQUIRED)   # json
find_package(yaml-cpp REQUIRED)        # json
find_package(Boost 1.81 REQUIRED)      # net: Asio and Beast, header only
find_package(CURL REQUIRED)            # net: HTTP client
find_package(SQLite3 REQUIRED)         # store
find_package(EXPAT REQUIRED)           # objects: XML bodies
find_package(PkgConfig REQUIRED)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)  # json: schema patterns in linear time
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)  # faas: system call filter
find_library(STEMMER_LIBRARY stemmer REQUIRED)       # plan: Snowball stemmer
find_package(LibArchive REQUIRED)      # repository: zip archives
find_package(CLI11 REQUIRED)           # cli
if(AE_TESTS)
  find_package(GTest REQUIRED)
endif()
