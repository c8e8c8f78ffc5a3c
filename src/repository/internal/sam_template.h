// The functions of a SAM or CloudFormation template.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "json/json.h"

namespace ae::repository::internal {

struct TemplateFunction {
  std::string id;    // in the template
  Json document;     // what the template says, as function.yaml would say it
  std::string code;  // CodeUri: a folder or zip below the template's folder; "": inline
  std::string inline_code{};
  std::vector<std::string> notes{};  // what is ignored, what only a deployment would know
  std::optional<Error> refusal{};    // nothing else is meaningful then
};

// True when it has a resource that is a function.
bool is_template(const Json& document);

// AWS::Serverless::Function (Globals merged as SAM does: maps joined, lists added, the rest
// overridden) and AWS::Lambda::Function whose condition holds, in written order. `document` is
// parsed with json::LocalTags::kMember. Layers of the same template become relative paths in
// document.layers. Threads: pure.
std::vector<TemplateFunction> read_template(const Json& document);

}  // namespace ae::repository::internal
