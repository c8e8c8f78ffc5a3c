// What planning derives from a repository's functions, once a revision: words with their rarity,
// semantic types, and which output could feed which parameter.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "repository/repository.h"
#include "retrieve/name_words.h"
#include "retrieve/semantic_type.h"

namespace ae::retrieve {

struct IndexedFunction {
  const dag::FunctionSpec* spec = nullptr;
  std::string name;                    // its words: "get image from s3"
  std::vector<std::uint32_t> inputs;   // indices into FunctionIndex::fields(), declared order
  std::vector<std::uint32_t> outputs;  // members of members included ("song.title")
  std::vector<std::string> actions;    // stems of what it does ("Sends an email": send)
  std::vector<std::string> head;       // content stems of the description's first sentence
  std::vector<Term> words;             // how strongly it speaks of a stem, 0..1, by stem
};

// A function that speaks of a stem.
struct Posting {
  std::uint32_t function = 0;
  float strength = 0;
};

// An output field that could feed a parameter.
struct Producer {
  std::uint32_t field = 0;
  float score = 0;      // 0..1
  bool proven = false;  // json::Fit::kYes, else kNarrow
};

// Threads: any, after construction. Functions are numbered by description, then name, so that
// neither the order of files nor a renaming decides between equals.
class FunctionIndex final {
 public:
  using Snapshot = repository::Repository::Snapshot;

  explicit FunctionIndex(std::shared_ptr<const Snapshot> snapshot);
  FunctionIndex(const FunctionIndex&) = delete;
  FunctionIndex& operator=(const FunctionIndex&) = delete;

  // The index of a snapshot, built by the first who asks and kept while the snapshot lives.
  static std::shared_ptr<const FunctionIndex> of(const std::shared_ptr<const Snapshot>& snapshot);

  const std::vector<IndexedFunction>& functions() const { return functions_; }
  const std::vector<Field>& fields() const { return fields_; }
  // Number of the function, or functions().size().
  std::size_t find(std::string_view name) const;

  StemId stem_id(const std::string& stem) const { return stems_.find(stem); }
  // 0..1: 1 for a word that no or one function uses, near 0 for one that all use.
  double rarity(StemId stem) const { return stem < rarity_.size() ? rarity_[stem] : 1.0; }
  std::span<const Posting> postings(StemId stem) const;

  // Outputs that could feed the parameter, best first, at most 24, scores above 0.3.
  std::span<const Producer> producers(std::uint32_t input_field) const;
  // How well one output feeds one parameter; 0 when the schemas clash.
  Producer edge(std::uint32_t output_field, std::uint32_t input_field) const;

 private:
  void add_function(const dag::FunctionSpec& spec, const NameWords& names);
  void add_outputs(IndexedFunction& function, const Json& schema, const std::string& prefix,
                   std::uint32_t number, const std::vector<std::string>& stems,
                   const NameWords& names, int depth);
  void add_words();
  void weigh_words();
  std::vector<Producer> find_producers(std::uint32_t input_field) const;

  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<IndexedFunction> functions_;
  std::vector<Field> fields_;
  std::unordered_map<std::string_view, std::size_t> numbers_;  // by name
  StemTable stems_;
  std::vector<float> rarity_;                                // by stem
  std::vector<std::vector<Posting>> postings_;               // by stem
  std::vector<std::vector<std::uint32_t>> output_postings_;  // by stem: output fields
  struct Lazy {
    std::once_flag once;
    std::vector<Producer> producers;
  };
  std::unique_ptr<Lazy[]> lazy_;  // by field
};

}  // namespace ae::retrieve
