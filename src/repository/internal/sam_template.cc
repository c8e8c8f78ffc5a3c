#include "repository/internal/sam_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "repository/internal/intrinsics.h"
#include "repository/internal/spelling.h"
#include "repository/sidecar.h"

namespace ae::repository::internal {
namespace {

constexpr std::size_t kMaxFunctions = 1000;

constexpr std::string_view kServerless = "AWS::Serverless::Function";
constexpr std::string_view kLambda = "AWS::Lambda::Function";

bool is_function(const Json& resource) {
  const std::string type = json::string_or(resource, "Type");
  return type == kServerless || type == kLambda;
}

// SAM's rule for Globals: a function's own list follows the common one, maps are joined member by
// member, anything else replaces.
void merge(Json& into, const Json& own) {
  for (const auto& [key, value] : own.items()) {
    Json& place = into[key];
    if (place.is_object() && value.is_object() && !value.empty() && value.begin().key()[0] != '!' &&
        !value.begin().key().starts_with("Fn::")) {
      merge(place, value);
    } else if (place.is_array() && value.is_array()) {
      for (const Json& one : value) place.push_back(one);
    } else {
      place = value;
    }
  }
}

class Reader final {
 public:
  explicit Reader(const Json& document) : document_(document), intrinsics_(document) {}

  std::vector<TemplateFunction> read() && {
    std::vector<TemplateFunction> functions;
    const Json* resources = json::find(document_, "Resources");
    if (resources == nullptr || !resources->is_object()) return functions;
    for (const auto& [id, resource] : resources->items()) {
      if (!is_function(resource) || functions.size() == kMaxFunctions) continue;
      const std::string condition = json::string_or(resource, "Condition");
      if (!condition.empty() && !intrinsics_.holds(condition)) continue;
      functions.push_back(read_function(id, resource));
    }
    return functions;
  }

 private:
  TemplateFunction read_function(const std::string& id, const Json& resource) {
    function_ = TemplateFunction{.id = id, .document = Json::object(), .code = ""};
    const bool serverless = json::string_or(resource, "Type") == kServerless;
    Json properties = Json::object();
    if (serverless) {
      const Json* globals = json::find(document_, "Globals");
      const Json* common = globals == nullptr ? nullptr : json::find(*globals, "Function");
      if (common != nullptr && common->is_object()) properties = *common;
    }
    if (const Json* own = json::find(resource, "Properties"); own != nullptr && own->is_object()) {
      merge(properties, *own);
    }
    if (value_text(properties, "PackageType") == "Image") {
      refuse(ErrorCode::kUnimplemented,
             "is a container image; only folders and zips of code can be run here");
      return std::move(function_);
    }
    const std::string runtime = read_settings(id, properties);
    read_environment(properties);
    read_layers(properties);
    read_architecture(properties, runtime);
    read_code(properties, serverless);
    return std::move(function_);
  }

  void refuse(ErrorCode code, std::string_view why) {
    if (!function_.refusal) {
      function_.refusal = Error{code, fmt::format("{} {}", function_.id, why), {}};
    }
  }

  // What could not be resolved in what was just read.
  void note_unknown(std::string_view where, std::string_view consequence) {
    for (const std::string& what : intrinsics_.take_unknown()) {
      function_.notes.push_back(
          fmt::format("{}: {} is known only after a deployment; {}", where, what, consequence));
    }
  }

  std::optional<Json> value(const Json& properties, std::string_view key) {
    const Json* written = json::find(properties, key);
    return written == nullptr ? std::nullopt : intrinsics_.resolve(*written);
  }

  // "" when it is absent, no text, or not known before a deployment.
  std::string value_text(const Json& properties, std::string_view key) {
    const auto found = value(properties, key);
    const bool known = intrinsics_.take_unknown().empty();
    return known && found && found->is_string() ? found->get<std::string>() : "";
  }

  // Returns the runtime.
  std::string read_settings(const std::string& id, const Json& properties) {
    Json& document = function_.document;
    document["apiVersion"] = "actionengine/v1";
    document["kind"] = "Function";
    const std::string name = value_text(properties, "FunctionName");
    document["name"] = is_function_name(name) ? name : id;
    if (!is_function_name(document["name"].get_ref<const std::string&>())) {
      refuse(ErrorCode::kInvalidArgument, "cannot be a function's name; give it a FunctionName");
    }
    if (const std::string text = value_text(properties, "Description"); !text.empty()) {
      document["description"] = text;
    }
    const std::string runtime = value_text(properties, "Runtime");
    const std::string handler = value_text(properties, "Handler");
    if (!is_runtime(runtime)) {
      refuse(ErrorCode::kInvalidArgument, "names no Runtime, such as python3.12");
    } else if (handler.empty() && !runtime.starts_with("provided")) {
      refuse(ErrorCode::kInvalidArgument, "names no Handler, such as app.lambda_handler");
    }
    document["runtime"] = runtime;
    document["handler"] = handler.empty() ? "bootstrap" : handler;
    read_number(properties, "Timeout", "timeout");
    read_number(properties, "MemorySize", "memory");
    return runtime;
  }

  void read_number(const Json& properties, std::string_view key, std::string_view member) {
    auto number = value(properties, key);
    note_unknown(key, "the default holds here");
    if (!number) return;
    if (number->is_string()) {  // a parameter's default is often written as text
      const std::string& digits = number->get_ref<const std::string&>();
      std::int64_t parsed = 0;
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), parsed);
      if (error != std::errc() || end != digits.data() + digits.size()) return;
      number = parsed;
    }
    function_.document[std::string(member)] = *std::move(number);
  }

  void read_environment(const Json& properties) {
    const Json* environment = json::find(properties, "Environment");
    const Json* variables =
        environment == nullptr ? nullptr : json::find(*environment, "Variables");
    if (variables == nullptr || !variables->is_object()) return;
    for (const auto& [name, written] : variables->items()) {
      const auto resolved = intrinsics_.resolve(written);
      note_unknown(fmt::format("Environment {}", shorten(name, 60)),
                   "the variable holds a placeholder: set it in a sidecar's environment");
      if (!resolved || resolved->is_structured() || resolved->is_null()) continue;
      function_.document["environment"][name] =
          resolved->is_string() ? *resolved : Json(json::dump(*resolved));
    }
  }

  void read_layers(const Json& properties) {
    const Json* layers = json::find(properties, "Layers");
    if (layers == nullptr || !layers->is_array()) return;
    const Json* resources = json::find(document_, "Resources");
    for (const Json& layer : *layers) {
      std::string id = json::string_or(layer, "Ref");
      if (id.empty()) id = json::string_or(layer, "!Ref");
      const Json* resource = id.empty() ? nullptr : json::find(*resources, id);
      const std::string path = resource == nullptr ? "" : layer_path(*resource);
      if (path.empty()) {
        const auto resolved = intrinsics_.resolve(layer);
        intrinsics_.take_unknown();
        const std::string shown =
            resolved && resolved->is_string() ? resolved->get<std::string>() : json::dump(layer);
        function_.notes.push_back(
            fmt::format("the layer {} is not in this template and is left out; put its content "
                        "into the package if the code needs it",
                        shorten(shown, 120)));
      } else {
        function_.document["layers"].push_back(path);
      }
    }
  }

  // ContentUri of a layer of this template, "" when it is not on this machine.
  std::string layer_path(const Json& resource) {
    const std::string type = json::string_or(resource, "Type");
    const Json* properties = json::find(resource, "Properties");
    if (properties == nullptr) return "";
    std::string path;
    if (type == "AWS::Serverless::LayerVersion") path = value_text(*properties, "ContentUri");
    if (type == "AWS::Lambda::LayerVersion") path = value_text(*properties, "Content");
    return path.starts_with("s3://") ? "" : path;
  }

  void read_architecture(const Json& properties, std::string_view runtime) {
    const auto architectures = value(properties, "Architectures");
    intrinsics_.take_unknown();
    const bool arm = architectures && architectures->is_array() && architectures->size() == 1 &&
                     architectures->front() == "arm64";
    if (!arm) return;
    function_.notes.push_back(
        runtime.starts_with("provided")
            ? "Architectures says arm64: its programs start only on such a machine"
            : "Architectures says arm64, which is ignored; compiled libraries in the package must "
              "fit this machine");
  }

  void read_code(const Json& properties, bool serverless) {
    if (serverless) {
      function_.inline_code = value_text(properties, "InlineCode");
      if (!function_.inline_code.empty()) return;
      const auto uri = value(properties, "CodeUri");
      const bool known = intrinsics_.take_unknown().empty();
      if (uri && (!known || !uri->is_string())) return refuse_remote();
      return take_path(uri ? uri->get<std::string>() : ".");
    }
    const Json* code = json::find(properties, "Code");
    if (code == nullptr) return refuse(ErrorCode::kInvalidArgument, "has no Code");
    if (code->is_string()) return take_path(code->get<std::string>());
    function_.inline_code = value_text(*code, "ZipFile");
    if (function_.inline_code.empty()) refuse_remote();
  }

  void refuse_remote() {
    refuse(ErrorCode::kFailedPrecondition,
           "has its code in S3, not on this machine; fetch it and add the zip itself");
  }

  void take_path(const std::string& path) {
    if (path.starts_with("s3://") || path.starts_with("https://")) return refuse_remote();
    if (!is_relative_path(path)) {
      return refuse(ErrorCode::kInvalidArgument,
                    fmt::format("has the code path \"{}\"; make it relative to the template",
                                shorten(path, 120)));
    }
    function_.code = path;
  }

  const Json& document_;
  Intrinsics intrinsics_;
  TemplateFunction function_;
};

}  // namespace

bool is_template(const Json& document) {
  const Json* resources = json::find(document, "Resources");
  if (resources == nullptr || !resources->is_object()) return false;
  return std::any_of(resources->begin(), resources->end(), is_function);
}

std::vector<TemplateFunction> read_template(const Json& document) {
  return Reader(document).read();
}

}  // namespace ae::repository::internal
