// Schemas for functions that declare none: guesses, marked as such (SchemaSource::kInferred), good
// enough to plan with, never proof.
//
// Three sources: the code, read but never run (Python by its syntax tree in a process of its own
// with limits of memory and time, JavaScript by a tolerant scan); the sidecar's examples; and what
// runs have shown (Repository::observe). docs/decisions/0017-packages-and-inference.md says how
// they are joined.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "dag/function_spec.h"
#include "repository/package.h"

namespace ae::repository {

struct Inference {
  std::string description{};  // of the handler's documentation, or ""
  Json input = Json::object();
  Json output = Json::object();
  std::vector<std::string> errors{};  // types that it raises
  dag::EventFormat event = dag::EventFormat::kPlain;
  std::string failure{};  // why the code could not be read, or ""
};

// Reads the handler's file and the modules beside it. Empty schemas for other languages.
// `python`: an interpreter, 3.9 or newer.
Inference infer_from_code(const std::filesystem::path& folder, const dag::LocalPackage& code,
                          const std::filesystem::path& python);

// What all these values have in common: types, members, and which of them are always there. {} for
// none. Never an enum or a constant: values do not leave.
Json schema_of_values(const std::vector<Json>& values);

// The schema of values that fit either; {} fits everything. Threads: pure.
Json either_schema(const Json& a, const Json& b);

// `guess` with what it leaves open filled in from `seen`: missing types and members; a type that
// contradicts what was seen is widened.
Json refined(const Json& guess, const Json& seen);

// "getImageFromS3" and "getimagefroms3" -> "Get image from s3." Known words are found in names that
// run together.
std::string describe_name(std::string_view name);

// Fills in what the declaration leaves out of description, schemas, event and errors, and notes
// what could not be read. The version does not depend on it.
void infer_what_is_undeclared(Package& package, const std::filesystem::path& python);

}  // namespace ae::repository
