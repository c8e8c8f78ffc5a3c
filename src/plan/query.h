// A sentence, read: tokens, clauses (the sub-tasks it asks for) and slots (the values it gives).
//
// Source: Action Engine paper, task planning; here without a model. Input: text. Output: Query.
// Difference from the paper: a sub-task is a clause of the user's own words with its span, not a
// paraphrase, so that everything later can point at the words it came from. English.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace ae::plan {

inline constexpr std::size_t kNone = static_cast<std::size_t>(-1);
inline constexpr std::size_t kMaxQueryBytes = 8'192;
inline constexpr std::size_t kMaxAttachments = 8;

// Byte offsets into the query, half-open.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool operator==(const Span&) const = default;
  bool contains(const Span& other) const { return begin <= other.begin && other.end <= end; }
};

enum class TokenKind {
  kWord,    // letters, perhaps with inner hyphens and apostrophes
  kNumber,  // digits, perhaps with separators: 12, 3.5, 1,000, 24.12.2026, 14:30
  kMixed,   // letters and digits: A-1042, 256x256, anna_123
  kQuoted,  // a whole quotation
  kEmail,
  kUrl,
  kSymbol,  // one character of punctuation
};

struct Token {
  Span span;
  std::string lower;     // "matches"; a possessive 's is left off
  std::string stem;      // "match"; numbers and symbols keep their text
  bool content = false;  // carries meaning: no function word, no politeness, not part of a slot
  TokenKind kind = TokenKind::kWord;
  bool capital = false;        // begins with a capital letter
  bool possessive = false;     // "Anna's"
  bool framing = false;        // politeness around the request: "it will be perfect if you"
  std::size_t slot = kNone;    // index into Query::slots
  std::size_t clause = kNone;  // index into Query::clauses
};

enum class SlotKind {
  kQuoted,  // "…" or '…'
  kName,    // capitalised run that is no sentence start, or introduced ("this is Anna", "for Bob")
  kEmail,
  kUrl,
  kPhone,
  kCode,      // letters and digits mixed: order ids, A-1042, anna_123
  kDate,      // value: ISO date; words that need a clock ("tomorrow") stay as written
  kTime,      // value: HH:MM
  kDuration,  // value: seconds
  kSize,      // 256x256; value: [256, 256]
  kMoney,     // 100 USD, $5; value: number, unit: ISO code
  kQuantity,  // number with a unit: 3 km; value: number, unit: "km"
  kNumber,    // bare; value: number
  kFile,      // an attached file, see Attachment
  kWord,      // plain words that turn out to be a value (an enum's, say): found later, by solve
};
std::string_view to_string(SlotKind kind);  // "quoted", "name", …

// A file that comes with the query and lies in a bucket already.
struct Attachment {
  std::string bucket;
  std::string key;
  std::string filename;       // as the caller calls it; "" means the last part of the key
  std::string content_type;   // "image/jpeg"; "" when unknown
  std::int64_t size = 0;      // bytes
  std::string url;            // "s3://bucket/key"
  std::string presigned_url;  // that anybody can fetch for a while; "" when there is none
  bool operator==(const Attachment&) const = default;
};

struct Slot {
  SlotKind kind = SlotKind::kName;
  Span span;         // of the value's words
  std::string text;  // as written
  Json value;        // normalised: string, number or array
  std::string unit;  // "USD", "km", …; "" for none
  std::vector<std::string>
      heads;               // stems of the nouns it goes with ("order A-1042": order), nearest first
  std::size_t clause = 0;  // index into Query::clauses
  Json number;             // of a quantity, money or duration: the number as written
  std::string preposition;      // "to" in "to Bob"; "" for none
  bool person = false;          // said of a person: "this is Anna", "Anna's", "Anna wants"
  bool weak = false;            // may as well be plain words: "SMS", "today"
  std::size_t list = kNone;     // slots of one list ("Berlin and Rome") share a number
  std::size_t first_token = 0;  // the slot's tokens, half-open
  std::size_t last_token = 0;
  std::size_t file = kNone;  // of kFile: index into Query::files
};

enum class OrderHint { kNone, kThen, kBefore, kAfter, kFinally };

struct Clause {
  Span span;
  std::string text;
  std::vector<std::size_t> tokens;  // indices of its content tokens
  std::string action;               // stem of its main verb, or ""
  bool asks = true;                 // false: only gives facts ("This is Anna")
  OrderHint order = OrderHint::kNone;
  bool refers_back = false;          // "it", "them", "the result": what an earlier clause is about
  std::size_t result_of = kNone;     // "the resized image": the earlier clause that resizes
  std::size_t action_token = kNone;  // index of the main verb
};

struct Query {
  std::string text;
  std::vector<Token> tokens;
  std::vector<Clause> clauses;
  std::vector<Slot> slots;        // by span; files that no word names come last
  std::vector<Attachment> files;  // in the order in which they were attached
};

// What sort of thing a file is, from its content type, else its name's ending: "image", "text",
// "pdf", "csv", "json", "audio", "video", "archive"; "" when unknown.
std::string_view family_of(const Attachment& file);
// The family that a noun speaks of, by stem: "photo" -> "image"; "" for none.
std::string_view family_named(std::string_view stem);

// Each attached file is a slot: at its name where the text has it, else at the noun that speaks of
// such a file ("the image"), else without words.
// Errors: kInvalidArgument (empty, not UTF-8), kResourceExhausted (more than 8 KB, or more than
// kMaxAttachments files). Threads: pure. O(length).
Result<Query> read_query(std::string_view text, std::span<const Attachment> files = {});

}  // namespace ae::plan
