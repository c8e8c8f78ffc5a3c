#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/internal/route.h"

namespace ae::gateway {

struct Match {
  const Route* route = nullptr;  // nullptr: see `allowed`
  std::map<std::string, std::string, std::less<>> path;
  std::vector<std::string> allowed;  // methods of this path, sorted; empty: no such path
};

// Literal segments win over parameters; HEAD is served by GET. Threads: pure.
// Errors: kInvalidArgument for a path that cannot be decoded.
Result<Match> find_route(std::string_view method, std::string_view path);

// "GET /v1/workflows", best first, at most three: what may have been meant by an unknown path.
std::vector<std::string> nearest_routes(std::string_view method, std::string_view path);

}  // namespace ae::gateway
