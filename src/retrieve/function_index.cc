#include "retrieve/function_index.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "base/text.h"
#include "json/subschema.h"
#include "plan/lexicon.h"

namespace ae::retrieve {
namespace {

constexpr int kMaxDepth = 2;             // members of members of an output that are fields
constexpr std::size_t kMaxFields = 200;  // of one function
constexpr std::size_t kMaxProducers = 24;
constexpr double kMinScore = 0.25;
constexpr std::size_t kWordsForActions = 40;
constexpr std::size_t kWordsToFirstVerb = 6;

// How strongly a function speaks of a word that stands there.
constexpr float kInName = 1.0F;
constexpr float kInFirstSentence = 1.0F;
constexpr float kLateInSentence = 0.6F;
constexpr float kInDescription = 0.6F;
constexpr float kInOutput = 0.8F;
constexpr float kInInput = 0.5F;
constexpr float kInChoices = 0.4F;
constexpr float kNeeded = 0.65F;  // at most, when only its inputs speak of it

void add_words_to(IndexedFunction& function, const std::vector<std::string>& words, float strength,
                  StemTable& stems) {
  for (const std::string& word : words) {
    const StemId id = stems.intern(word);
    const auto at = std::ranges::find(function.words, id, &Term::stem);
    if (at == function.words.end()) {
      function.words.push_back({id, strength});
    } else {
      at->weight = std::max(at->weight, strength);
    }
  }
}

// A function that recommends a song for a given mood needs a mood; it does not tell one.
void weaken_what_is_needed(IndexedFunction& function, const std::vector<Field>& fields) {
  const auto speaks = [&](const std::vector<std::uint32_t>& of, StemId stem) {
    return std::ranges::any_of(of, [&](std::uint32_t field) {
      return std::ranges::find(fields[field].terms, stem, &Term::stem) != fields[field].terms.end();
    });
  };
  for (Term& word : function.words) {
    if (speaks(function.inputs, word.stem) && !speaks(function.outputs, word.stem)) {
      word.weight = std::min(word.weight, kNeeded);
    }
  }
}

// "Sends an email …" -> send; "getWeather" -> get. Of the description every verb that begins it
// or follows "and" or a full stop.
std::vector<std::string> actions_of(const dag::FunctionSpec& spec, const std::string& name) {
  std::vector<std::string> actions;
  const auto add = [&](const std::string& stem) {
    if (std::ranges::find(actions, stem) == actions.end()) actions.push_back(stem);
  };
  const std::vector<std::string> named = identifier_words(name);
  if (!named.empty() && plan::is_action_verb(plan::stem(named.front())))
    add(plan::stem(named.front()));
  // The verb that begins the description, the ones after "and", "to" or a comma; what stands before
  // the first of them ("this function …") does not count.
  bool expected = true;
  std::size_t words = 0;
  for (const std::string_view raw : split(spec.description, ' ')) {
    if (trim(raw).empty()) continue;
    if (++words > kWordsForActions) break;
    const std::vector<std::string> parts = identifier_words(raw);
    const std::string plain = parts.empty() ? "" : parts.front();
    const std::string stem = plan::stem(to_lower(raw).starts_with("e-mail") ? "email" : plain);
    const bool content = !plain.empty() && !plan::is_function_word(plain);
    const bool verb = plan::is_action_verb(stem);
    const bool clear = verb && !plan::is_noun_or_verb(stem) && words <= kWordsToFirstVerb;
    if (content && ((words == 1 && !verb && plain.ends_with('s')) || (verb && (expected || clear))))
      add(stem);
    expected = plain == "and" || plain == "to" || plain == "or" || plain == "api" ||
               plain == "function" || raw.ends_with('.') || raw.ends_with(',');
  }
  return actions;
}

}  // namespace

FunctionIndex::FunctionIndex(std::shared_ptr<const Snapshot> snapshot)
    : snapshot_(std::move(snapshot)) {
  std::vector<const dag::FunctionSpec*> specs;
  for (const dag::FunctionSpec& spec : snapshot_->functions) specs.push_back(&spec);
  std::ranges::sort(specs, [](const dag::FunctionSpec* a, const dag::FunctionSpec* b) {
    return std::tie(a->description, a->name) < std::tie(b->description, b->name);
  });
  functions_.reserve(specs.size());
  const NameWords names(snapshot_->functions);
  for (const dag::FunctionSpec* spec : specs) add_function(*spec, names);
  add_words();
  weigh_words();
  lazy_ = std::make_unique<Lazy[]>(fields_.size());
}

std::shared_ptr<const FunctionIndex> FunctionIndex::of(
    const std::shared_ptr<const Snapshot>& snapshot) {
  struct Memo {
    std::weak_ptr<const Snapshot> snapshot;
    std::shared_ptr<const FunctionIndex> index;
  };
  // A memo of a pure function: at most a few repositories are open in one process.
  static std::mutex mutex;
  static std::vector<Memo> memos;
  constexpr std::size_t kMaxMemos = 4;
  const std::lock_guard lock(mutex);
  for (const Memo& memo : memos) {
    // The index holds its snapshot, so the pointer cannot have been reused.
    if (memo.snapshot.lock() == snapshot) return memo.index;
  }
  auto index = std::make_shared<const FunctionIndex>(snapshot);
  if (memos.size() >= kMaxMemos) memos.erase(memos.begin());
  memos.push_back({snapshot, index});
  return index;
}

void FunctionIndex::add_function(const dag::FunctionSpec& spec, const NameWords& names) {
  const auto number = static_cast<std::uint32_t>(functions_.size());
  IndexedFunction function;
  function.spec = &spec;
  function.name = names.spell(spec.name);
  function.actions = actions_of(spec, function.name);
  const std::string_view description = spec.description;
  function.head = plan::content_stems(description.substr(0, description.find(". ")));
  std::vector<std::string> own = plan::content_stems(function.name);
  own.insert(own.end(), function.head.begin(), function.head.end());
  for (const std::string& name : dag::property_names(spec.input)) {
    const Json* schema = json::member_schema(spec.input, name);
    if (schema == nullptr || function.inputs.size() >= kMaxFields) continue;
    function.inputs.push_back(static_cast<std::uint32_t>(fields_.size()));
    fields_.push_back(read_field(name, names.spell(name), *schema,
                                 dag::is_required(spec.input, name), number, own, stems_));
  }
  add_outputs(function, spec.output, "", number, own, names, 0);
  if (function.outputs.empty()) {
    function.outputs.push_back(static_cast<std::uint32_t>(fields_.size()));
    fields_.push_back(read_field("", "", spec.output, true, number, own, stems_));
  }
  numbers_.emplace(spec.name, number);
  functions_.push_back(std::move(function));
}

void FunctionIndex::add_outputs(IndexedFunction& function, const Json& schema,
                                const std::string& prefix, std::uint32_t number,
                                const std::vector<std::string>& stems, const NameWords& names,
                                int depth) {
  for (const std::string& name : dag::property_names(schema)) {
    if (name.find('.') != std::string::npos) continue;  // a path could not name it
    const std::string path = prefix.empty() ? name : prefix + "." + name;
    const Json* member = json::member_schema(function.spec->output, path);
    if (member == nullptr || function.outputs.size() >= kMaxFields) continue;
    function.outputs.push_back(static_cast<std::uint32_t>(fields_.size()));
    fields_.push_back(
        read_field(path, names.spell(path), *member, depth == 0, number, stems, stems_));
    if (depth + 1 < kMaxDepth)
      add_outputs(function, *member, path, number, stems, names, depth + 1);
  }
}

void FunctionIndex::add_words() {
  for (IndexedFunction& function : functions_) {
    add_words_to(function, plan::content_stems(function.name), kInName, stems_);
    // What a description says first it says of the function; what comes late, of its surroundings.
    float strength = kInFirstSentence;
    for (const std::string& word : function.head) {
      add_words_to(function, {word}, strength, stems_);
      strength = std::max(kLateInSentence, strength - 0.08F);
    }
    add_words_to(function, plan::content_stems(function.spec->description), kInDescription, stems_);
    for (const std::uint32_t field : function.outputs) {
      add_words_to(function, fields_[field].stems, kInOutput, stems_);
    }
    for (const std::uint32_t field : function.inputs) {
      add_words_to(function, fields_[field].stems, kInInput, stems_);
      for (const std::string& choice : fields_[field].choices) {
        add_words_to(function, plan::content_stems(choice), kInChoices, stems_);
      }
    }
    weaken_what_is_needed(function, fields_);
    std::ranges::sort(function.words, {}, &Term::stem);
  }
  postings_.resize(stems_.size());
  for (std::uint32_t i = 0; i < functions_.size(); ++i) {
    for (const Term& word : functions_[i].words) postings_[word.stem].push_back({i, word.weight});
  }
}

void FunctionIndex::weigh_words() {
  const double total = static_cast<double>(functions_.size()) + 2;
  rarity_.resize(stems_.size());
  for (std::size_t stem = 0; stem < rarity_.size(); ++stem) {
    const double uses = static_cast<double>(postings_[stem].size()) + 0.5;
    rarity_[stem] =
        static_cast<float>(std::clamp(std::log(total / uses) / std::log(total), 0.15, 1.0));
  }
  std::vector<bool> generic(stems_.size(), false);
  for (const Field& field : fields_) {
    for (const std::string& stem : field.stems) {
      if (plan::is_generic_noun(stem)) generic[stems_.find(stem)] = true;
    }
  }
  output_postings_.resize(stems_.size());
  for (Field& field : fields_) weigh(field, rarity_, generic);
  for (const IndexedFunction& function : functions_) {
    for (const std::uint32_t field : function.outputs) {
      for (const Term& term : fields_[field].terms) output_postings_[term.stem].push_back(field);
    }
  }
}

std::size_t FunctionIndex::find(std::string_view name) const {
  const auto found = numbers_.find(name);
  return found == numbers_.end() ? functions_.size() : found->second;
}

std::span<const Posting> FunctionIndex::postings(StemId stem) const {
  if (stem >= postings_.size()) return {};
  return postings_[stem];
}

Producer FunctionIndex::edge(std::uint32_t output_field, std::uint32_t input_field) const {
  const Field& produced = fields_[output_field];
  const Field& consumed = fields_[input_field];
  const double score = similarity(produced, consumed);
  if (score < 0.05) return {output_field, 0, false};
  const json::Fit fit = json::is_subschema(*produced.schema, *consumed.schema).fit;
  if (fit == json::Fit::kNo) return {output_field, 0, false};
  return {output_field, static_cast<float>(score), fit == json::Fit::kYes};
}

std::span<const Producer> FunctionIndex::producers(std::uint32_t input_field) const {
  Lazy& lazy = lazy_[input_field];
  std::call_once(lazy.once, [&] { lazy.producers = find_producers(input_field); });
  return lazy.producers;
}

std::vector<Producer> FunctionIndex::find_producers(std::uint32_t input_field) const {
  const Field& consumed = fields_[input_field];
  std::vector<std::uint32_t> outputs;
  for (const Term& term : consumed.terms) {
    const std::vector<std::uint32_t>& with_term = output_postings_[term.stem];
    outputs.insert(outputs.end(), with_term.begin(), with_term.end());
  }
  std::ranges::sort(outputs);
  const auto repeated = std::ranges::unique(outputs);
  outputs.erase(repeated.begin(), repeated.end());
  std::vector<Producer> found;
  for (const std::uint32_t output : outputs) {
    if (fields_[output].function == consumed.function) continue;
    const double score = similarity(fields_[output], consumed);
    if (score >= kMinScore) found.push_back({output, static_cast<float>(score), false});
  }
  std::ranges::sort(found, [](const Producer& a, const Producer& b) {
    return a.score != b.score ? a.score > b.score : a.field < b.field;
  });
  std::vector<Producer> kept;
  for (const Producer& producer : found) {
    if (kept.size() >= kMaxProducers) break;
    const json::Fit fit = json::is_subschema(*fields_[producer.field].schema, *consumed.schema).fit;
    if (fit == json::Fit::kNo) continue;
    kept.push_back({producer.field, producer.score, fit == json::Fit::kYes});
  }
  return kept;
}

}  // namespace ae::retrieve
