// One validation: the walk over a schema and an instance together.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "json/internal/patterns.h"
#include "json/schema.h"

namespace ae::json::internal {

// Where in the instance the walk is; the chain lives on the stack.
struct Location {
  const Location* parent = nullptr;
  std::string_view key;      // of an object's member
  std::size_t position = 0;  // among its siblings
  bool in_array = false;
};

struct Found {
  SchemaViolation violation;
  std::vector<std::size_t> order;  // positions from the root: sorts by the instance's order
  std::size_t rank = 0;            // then by discovery
};

// Collects up to `capacity` violations; a branch of anyOf needs only the first.
struct Sink {
  explicit Sink(std::size_t most) : capacity(most) {}
  bool full() const { return found.size() >= capacity; }
  std::size_t capacity;
  std::vector<Found> found;
};

// How many alternatives may match: anyOf, oneOf.
enum class Matches { kAny, kExactlyOne };

class Validator final {
 public:
  explicit Validator(const Json& root) : root_(root) {}

  std::vector<SchemaViolation> run(const Json& schema, const Json& instance);

 private:
  struct PairHash {
    std::size_t operator()(const std::pair<const Json*, const Json*>& pair) const {
      return std::hash<const Json*>{}(pair.first) * 31 + std::hash<const Json*>{}(pair.second);
    }
  };

  void check(const Json& schema, const Json& instance, const Location& at, Sink& sink);
  void check_assertions(const Json& schema, const Json& instance, const Location& at, Sink& sink);
  void check_reference(const Json& schema, const Json& instance, const Location& at, Sink& sink);
  bool check_type(const Json& schema, const Json& instance, const Location& at, Sink& sink);
  void check_values(const Json& schema, const Json& instance, const Location& at, Sink& sink);
  void check_string(const Json& schema, const Json& instance, const Location& at, Sink& sink);
  void check_number(const Json& schema, const Json& instance, const Location& at, Sink& sink);
  void check_array(const Json& schema, const Json& instance, const Location& at, Sink& sink);
  void check_contains(const Json& schema, const Json& instance, const Location& at, Sink& sink);
  void check_unique(const Json& instance, const Location& at, Sink& sink);
  void check_object(const Json& schema, const Json& instance, const Location& at, Sink& sink);
  void check_required(const Json& schema, const Json& instance, const Location& at, Sink& sink);
  void check_dependent(const Json& schema, const Json& instance, const Location& at, Sink& sink);
  void check_members(const Json& schema, const Json& instance, const Location& at, Sink& sink);
  void check_combinators(const Json& schema, const Json& instance, const Location& at, Sink& sink);
  void check_alternatives(const Json& schemas, Matches matches, const Json& instance,
                          const Location& at, Sink& sink);
  bool accepts(const Json& schema, const Json& instance, const Location& at);

  void add(const Location& at, std::string_view keyword, std::string message, Sink& sink);
  void spend(std::size_t steps);
  void give_up(std::string reason);
  // As find(), but through a hash table once a linear search would be slow.
  const Json* member(const Json& object, std::string_view name);

  const Json& root_;
  std::size_t steps_ = 0;
  std::size_t depth_ = 0;
  std::optional<std::string> gave_up_;
  // Judgements of referenced schemas: without them, shared references cost exponential time.
  std::unordered_map<std::pair<const Json*, const Json*>, std::optional<SchemaViolation>, PairHash>
      judged_;
  std::unordered_map<const Json*, const Json*> targets_;
  Patterns patterns_;
  std::unordered_map<const Json*, std::unordered_map<std::string_view, const Json*>> tables_;
  std::deque<Json> names_;  // values checked by propertyNames: judged_ needs their addresses unique
};

}  // namespace ae::json::internal
