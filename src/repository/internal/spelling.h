// How names and addresses in a function's description may be spelt. Threads: pure.
#pragma once

#include <string_view>

namespace ae::repository::internal {

// [A-Za-z_][A-Za-z0-9_]*
bool is_identifier(std::string_view text);

// "python3.11": a language and a version, as Lambda spells them.
bool is_runtime(std::string_view runtime);

// "module.function", "folder/module.function", "package.module.function" for Python and Node; file
// names may hold '-'. Other runtimes give the text to the function's own program, which alone knows
// what it means: anything printable without blanks, at most 128 bytes.
bool is_handler(std::string_view handler, std::string_view runtime);

// "api.example.com", "api.example.com:443", "*.example.com:443", "10.0.0.1:80", "[::1]:80", "*"
bool is_egress(std::string_view target);

// http:// or https://, a host, no user, no blanks.
bool is_http_url(std::string_view url);

// "arn:aws:lambda:eu-west-1:123456789012:function:resize", a qualifier allowed
bool is_lambda_arn(std::string_view arn);

// A path below some folder: relative, "/" between its parts; ".." may occur, "\" may not.
bool is_relative_path(std::string_view path);

}  // namespace ae::repository::internal
