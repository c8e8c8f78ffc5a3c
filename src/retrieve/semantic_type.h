// What a parameter or an output field *means*: its words, weighted by rarity, and its form. Names
// may be meaningless; description, examples, format and values of an enum then speak alone.
//
// Source: generation.md "semantic types"; after TYGAR (1911.04091) and APIphany (2203.16697), which
// gain most from types that mean something. Here they are graded instead of exact.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dag/function_spec.h"
#include "json/json.h"

namespace ae::retrieve {

using StemId = std::uint32_t;

struct Term {
  StemId stem = 0;
  float weight = 0;
};

// Stems as small numbers. Filled while an index is built, then only read.
class StemTable {
 public:
  static constexpr StemId kUnknown = static_cast<StemId>(-1);
  StemId intern(const std::string& stem);
  StemId find(const std::string& stem) const;  // kUnknown when it was never seen
  std::size_t size() const { return ids_.size(); }

 private:
  std::unordered_map<std::string, StemId> ids_;
};

// Bits of JSON types.
using TypeMask = std::uint8_t;
inline constexpr TypeMask kStringType = 1;
inline constexpr TypeMask kIntegerType = 2;
inline constexpr TypeMask kNumberType = 4;  // always together with kIntegerType
inline constexpr TypeMask kBooleanType = 8;
inline constexpr TypeMask kArrayType = 16;
inline constexpr TypeMask kObjectType = 32;
inline constexpr TypeMask kAnyType = 63;
TypeMask types_of(const Json& schema);

// An input parameter or an output field of a function.
struct Field {
  std::uint32_t function = 0;
  std::string name;              // "song_title", "song.title"; "" is a whole output
  const Json* schema = nullptr;  // never null; lives as long as the repository's snapshot
  bool required = false;
  std::string key;                 // the name's words: "song title"
  std::vector<StemId> name_stems;  // in order
  std::vector<std::string> stems;  // of name and description
  std::vector<std::string> heads;  // what it is: \"Currency the price is in\" is a currency
  std::vector<Term> name_terms;    // by stem; weights set by weigh()
  std::vector<Term> terms;         // name and description, by stem
  std::vector<Term> prose_terms;   // description alone
  float name_length = 0;           // Euclidean, of name_terms
  float prose_length = 0;
  float length = 0;  // of terms
  TypeMask types = kAnyType;
  std::string format;
  std::string pattern;
  std::vector<std::string> examples;  // strings of examples, lower case
  std::vector<std::string> shapes;    // of the examples as written: shape_of()
  std::vector<std::string> choices;   // strings of enum, lower case
  bool identifier = false;            // an id, a key, a reference
  bool bytes = false;                 // encoded content of a file: nobody types that
  bool free_text = false;             // prose for people: a message's body
  bool person = false;                // names a person
  bool place = false;
  bool source = false;  // where something comes from: "from", "origin", "given in"
  bool target = false;  // where it goes: "to", "into", "target", "recipient"
};

// What a value looks like: "Anna" and "Nora Vale" are "Aa", "A-1042" is "A-9", "desk lamp" is "a".
std::string shape_of(std::string_view text);

// Reads a schema's words and form; weights are set later, when rarity is known. `spelled`: the
// name's words.
Field read_field(std::string name, const std::string& spelled, const Json& schema, bool required,
                 std::uint32_t function, const std::vector<std::string>& function_stems,
                 StemTable& stems);

// Sets the terms' weights from the rarity of stems.
void weigh(Field& field, const std::vector<float>& rarity, const std::vector<bool>& generic);

// How well what `produced` means is what `consumed` asks for, 0..1; 0 when the forms forbid it.
// Types are compared roughly: json::is_subschema has the last word.
double similarity(const Field& produced, const Field& consumed);

}  // namespace ae::retrieve
