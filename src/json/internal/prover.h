// The proof search behind is_subschema().
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "json/internal/patterns.h"
#include "json/internal/producer.h"
#include "json/subschema.h"

namespace ae::json::internal {

class Prover final {
 public:
  Prover(const Json& produced_root, const Json& consumed_root)
      : produced_root_(produced_root),
        consumed_root_(consumed_root),
        same_root_(equal(produced_root, consumed_root)) {}

  FitResult prove(const Json& produced, const Json& consumed);

 private:
  using Question = std::tuple<std::vector<const Json*>, TypeSet, const Json*>;

  // Does every value of `producer` satisfy `consumer`, which stands at `pointer`?
  FitResult fit(const Producer& producer, const Json& consumer, const std::string& pointer);
  FitResult fit_by_type(const Producer& producer, const Json& consumer, const std::string& pointer);
  FitResult fit_one_type(const Producer& producer, const Json& consumer,
                         const std::string& pointer);
  FitResult fit_finite(const Producer& producer, const std::vector<const Json*>& values,
                       const Json& consumer, const std::string& pointer);
  FitResult fit_keywords(const Producer& producer, const Json& consumer,
                         const std::string& pointer);
  FitResult fit_values(const Producer& producer, const Json& consumer, const std::string& pointer);
  FitResult fit_combinators(const Producer& producer, const Json& consumer,
                            const std::string& pointer);
  FitResult fit_any(const Producer& producer, const Json& alternatives, const std::string& pointer);
  FitResult fit_one(const Producer& producer, const Json& alternatives, const std::string& pointer);
  FitResult fit_string(const Producer& producer, const Json& consumer, const std::string& pointer);
  FitResult fit_number(const Producer& producer, const Json& consumer, const std::string& pointer);
  FitResult fit_array(const Producer& producer, const Json& consumer, const std::string& pointer);
  FitResult fit_items(const Producer& producer, const Json& consumer, const std::string& pointer);
  FitResult fit_object(const Producer& producer, const Json& consumer, const std::string& pointer);
  FitResult fit_required(const Producer& producer, const Json& consumer,
                         const std::string& pointer);
  FitResult fit_properties(const Producer& producer, const Json& consumer,
                           const std::string& pointer);
  FitResult fit_other_members(const Producer& producer, const Json& consumer,
                              const std::string& pointer);
  FitResult fit_undeclared(const Producer& producer, const Json& consumer,
                           const std::string& pointer);
  FitResult fit_counts(const Producer& producer, const Json& consumer, const std::string& pointer);
  FitResult fit_names(const Producer& producer, const Json& consumer, const std::string& pointer);
  FitResult fit_dependent(const Producer& producer, const Json& consumer,
                          const std::string& pointer);

  // The same text means the same schema: no references, or references into the same document.
  bool same(const Json& produced, const Json& consumed) const;
  // True only when no value satisfies both.
  bool disjoint(const Producer& producer, const Json& consumer);
  Producer producer_of(const Json& schema);
  // How many members or items deep the question is below the first one.
  FitResult inside(const Producer& producer, const Json& consumer, const std::string& pointer);

  const Json& produced_root_;
  const Json& consumed_root_;
  const bool same_root_;
  Patterns patterns_;
  std::size_t steps_ = 0;
  std::size_t depth_ = 0;
  std::size_t descent_ = 0;
  std::map<Question, std::size_t> open_;  // questions being answered, with their descent
};

inline FitResult yes() { return {}; }
inline FitResult narrow(std::string reason, std::string pointer) {
  return {Fit::kNarrow, std::move(reason), std::move(pointer)};
}
inline FitResult no(std::string reason, std::string pointer) {
  return {Fit::kNo, std::move(reason), std::move(pointer)};
}

// All must hold: the worst wins, the first of equals.
class Conjunction final {
 public:
  void add(FitResult one) {
    if (one.fit > worst_.fit) worst_ = std::move(one);
  }
  bool failed() const { return worst_.fit == Fit::kNo; }
  FitResult result() { return std::move(worst_); }

 private:
  FitResult worst_;
};

// The producer may take any of several ways: a clash on some of them is narrow, on all of them no.
class Union final {
 public:
  void add(FitResult one) {
    ++ways_;
    if (one.fit == Fit::kYes) return;
    ++(one.fit == Fit::kNo ? clashes_ : narrows_);
    if (worst_.fit == Fit::kYes || one.fit < worst_.fit) worst_ = std::move(one);
  }
  FitResult result() {
    if (clashes_ < ways_ && clashes_ > 0) worst_.fit = Fit::kNarrow;
    return std::move(worst_);
  }

 private:
  std::size_t ways_ = 0;
  std::size_t clashes_ = 0;
  std::size_t narrows_ = 0;
  FitResult worst_;
};

}  // namespace ae::json::internal
