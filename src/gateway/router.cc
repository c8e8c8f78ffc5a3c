#include "gateway/internal/router.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "net/http_message.h"

namespace ae::gateway {
namespace {

// Longer paths match nothing; bounds the work that a stranger can cause.
constexpr std::size_t kMaxSegments = 16;

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

std::vector<std::string_view> segments_of(std::string_view path) {
  return split(path.substr(std::min<std::size_t>(1, path.size())), '/');
}

// Segments and whether each is literal, once per route.
struct Compiled {
  const Route* route;
  std::vector<std::string_view> segments;
};

const std::vector<Compiled>& compiled() {
  static const std::vector<Compiled> table = [] {
    std::vector<Compiled> all;
    for (const Route& route : routes()) all.push_back({&route, segments_of(route.path)});
    return all;
  }();
  return table;
}

bool matches(const std::vector<std::string_view>& pattern, const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (is_parameter(pattern[i]) ? path[i].empty() : pattern[i] != path[i]) return false;
  }
  return true;
}

std::size_t literals(const std::vector<std::string_view>& pattern) {
  return static_cast<std::size_t>(
      std::ranges::count_if(pattern, [](std::string_view s) { return !is_parameter(s); }));
}

Result<std::vector<std::string>> decode(std::string_view path) {
  std::vector<std::string> decoded;
  for (const std::string_view segment : segments_of(path)) {
    auto text = net::percent_decode(segment);
    if (!text) return annotate(std::move(text.error()), "reading the request's path");
    if (!is_utf8(*text)) {
      return fail(ErrorCode::kInvalidArgument, "the path is not UTF-8 once decoded; encode it so");
    }
    decoded.push_back(*std::move(text));
  }
  return decoded;
}

}  // namespace

Result<Match> find_route(std::string_view method, std::string_view path) {
  Match match;
  if (std::ranges::count(path, '/') > static_cast<std::ptrdiff_t>(kMaxSegments)) return match;
  AE_TRY(const std::vector<std::string> segments, decode(path));
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  const Compiled* best = nullptr;
  std::set<std::string> allowed;
  for (const Compiled& candidate : compiled()) {
    if (!matches(candidate.segments, segments)) continue;
    allowed.insert(candidate.route->method);
    if (candidate.route->method != wanted) continue;
    if (best == nullptr || literals(candidate.segments) > literals(best->segments)) {
      best = &candidate;
    }
  }
  if (allowed.contains("GET")) allowed.insert("HEAD");
  if (!allowed.empty()) allowed.insert("OPTIONS");
  match.allowed.assign(allowed.begin(), allowed.end());
  if (best == nullptr) return match;
  match.route = best->route;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::string_view name = best->segments[i];
    if (is_parameter(name)) match.path.emplace(name.substr(1, name.size() - 2), segments[i]);
  }
  return match;
}

std::vector<std::string> nearest_routes(std::string_view method, std::string_view path) {
  struct Scored {
    std::size_t distance;
    std::size_t position;
    std::string text;
  };
  std::vector<Scored> scored;
  const auto segments = segments_of(path.substr(0, 200));
  if (segments.size() > kMaxSegments) return {};
  for (const Compiled& candidate : compiled()) {
    const auto& pattern = candidate.segments;
    std::size_t distance = candidate.route->method == method ? 0 : 1;
    for (std::size_t i = 0; i < std::max(pattern.size(), segments.size()); ++i) {
      const std::string_view expected = i < pattern.size() ? pattern[i] : "";
      const std::string_view got = i < segments.size() ? segments[i] : "";
      if (is_parameter(expected)) {
        distance += got.empty() ? 3 : 0;
      } else {
        distance += edit_distance(to_lower(expected), to_lower(got));
      }
    }
    scored.push_back(
        {distance, scored.size(), candidate.route->method + " " + candidate.route->path});
  }
  // Ties keep the table's order: the position decides.
  std::ranges::sort(scored, {},
                    [](const Scored& one) { return std::pair(one.distance, one.position); });
  std::vector<std::string> nearest;
  for (const Scored& one : scored) {
    if (nearest.size() == 3 || one.distance > 6) break;
    nearest.push_back(one.text);
  }
  return nearest;
}

}  // namespace ae::gateway
