#include "repository/sidecar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/text.h"
#include "json/schema.h"
#include "json/yaml.h"
#include "repository/internal/spelling.h"

namespace ae::repository {
namespace {

using dag::Diagnostic;
using dag::Severity;
using internal::is_identifier;

constexpr std::string_view kApiVersion = "actionengine/v1";
constexpr std::string_view kKind = "Function";
constexpr double kMaxTimeoutSeconds = 900;  // as in Lambda
constexpr std::int64_t kMinMemoryMb = 128;  // as in Lambda
constexpr std::int64_t kMaxMemoryMb = 10'240;
constexpr std::size_t kMaxLayers = 5;  // as in Lambda

const std::vector<std::string> kMembers = {
    "apiVersion", "kind",        "name",     "description", "handler", "runtime",
    "timeout",    "memory",      "event",    "layers",      "binding", "effects",
    "idempotent", "environment", "egress",   "secrets",     "state",   "s3",
    "input",      "output",      "examples", "errors"};
const std::vector<std::string> kEventFormats = {"plain", "api-gateway"};
const std::vector<std::string> kBindings = {"http", "lambda"};
const std::vector<std::string> kExampleMembers = {"input", "output", "error"};
const std::vector<std::string> kEffects = {"send", "pay", "book", "write", "delete"};

bool is_error_type(std::string_view text) {
  return text.size() <= 128 && std::ranges::all_of(split(text, '.'), is_identifier);
}

class Reader {
 public:
  Reader(const Json& document, const SidecarDefaults& defaults)
      : document_(document), defaults_(defaults) {}

  ParsedSidecar read() && {
    if (!document_.is_object()) {
      report("invalid_document", "", fmt::format("the document is {}", described(document_)),
             "write members such as \"name: my_function\"");
      return std::move(result_);
    }
    read_header();
    report_unknown(document_, "", kMembers);
    read_identity();
    read_binding();
    read_runtime();
    read_reach();
    read_effects();
    spec().input = read_schema("input");
    spec().output = read_schema("output");
    read_examples();
    return std::move(result_);
  }

 private:
  dag::FunctionSpec& spec() { return result_.spec; }

  static std::string described(const Json& value) {
    const std::string_view type = json::type_name(value);
    if (type == "null") return "null";
    const bool vowel = type[0] == 'a' || type[0] == 'i' || type[0] == 'o';
    return fmt::format("{} {}", vowel ? "an" : "a", type);
  }

  void report(std::string code, std::string pointer, std::string message, std::string fix,
              std::vector<std::string> candidates = {}) {
    result_.diagnostics.push_back({.code = std::move(code),
                                   .severity = Severity::kError,
                                   .pointer = std::move(pointer),
                                   .message = std::move(message),
                                   .fix = std::move(fix),
                                   .candidates = std::move(candidates)});
  }

  void report_unknown(const Json& object, const std::string& pointer,
                      std::span<const std::string> known) {
    for (const auto& [key, value] : object.items()) {
      if (std::ranges::find(known, key) != known.end()) continue;
      const std::string meant = nearest(key, known);
      report("unknown_member", json::pointer_append(pointer, key),
             fmt::format("\"{}\" is no member here", shorten(key, 80)),
             meant.empty() ? fmt::format("remove it; known are: {}", join(known, ", "))
                           : fmt::format("did you mean \"{}\"?", meant),
             meant.empty() ? std::vector<std::string>{} : std::vector<std::string>{meant});
    }
  }

  // The member when it is of the type that is wanted; reports it otherwise, if it is there.
  const Json* member(std::string_view key, std::string_view wanted) {
    const Json* value = json::find(document_, key);
    if (value == nullptr || json::type_name(*value) == wanted) return value;
    if (wanted == "number" && value->is_number()) return value;
    report_type(json::pointer_append("", key), key, *value, wanted);
    return nullptr;
  }

  void report_type(std::string pointer, std::string_view what, const Json& value,
                   std::string_view wanted) {
    const bool quote = wanted == "string" && value.is_primitive();
    report("wrong_type", std::move(pointer),
           fmt::format("{} is {}, not {}", what, described(value), wanted),
           quote ? fmt::format("put it in quotes: \"{}\"", shorten(json::dump(value), 40))
                 : fmt::format("give {} {}", wanted[0] == 'i' || wanted[0] == 'o' ? "an" : "a",
                               wanted));
  }

  std::optional<std::string> text(std::string_view key) {
    const Json* value = member(key, "string");
    if (value == nullptr) return std::nullopt;
    return value->get<std::string>();
  }

  void report_missing(std::string_view key, std::string fix) {
    if (json::find(document_, key) != nullptr) return;  // there, but of a wrong type: reported
    report("missing_member", "", fmt::format("\"{}\" is missing", key), std::move(fix));
  }

  void read_header() {
    const auto version = text("apiVersion");
    if (!version) {
      report_missing("apiVersion", fmt::format("add \"apiVersion: {}\"", kApiVersion));
    } else if (*version != kApiVersion) {
      const bool nuclio = version->starts_with("nuclio.io/");
      report("invalid_document", "/apiVersion",
             nuclio ? "this function.yaml belongs to Nuclio"
                    : fmt::format("apiVersion \"{}\" is not known", shorten(*version, 80)),
             fmt::format("write \"apiVersion: {}\"", kApiVersion));
    }
    const auto kind = text("kind");
    if (!kind) {
      report_missing("kind", fmt::format("add \"kind: {}\"", kKind));
    } else if (*kind != kKind) {
      report("invalid_document", "/kind",
             fmt::format("kind \"{}\" is no function", shorten(*kind, 80)),
             fmt::format("write \"kind: {}\"", kKind));
    }
  }

  void read_identity() {
    if (auto name = text("name");
        !name && is_function_name(defaults_.name) && json::find(document_, "name") == nullptr) {
      spec().name = defaults_.name;
    } else if (!name) {
      report_missing("name", "add the name that workflows will use");
    } else if (!is_function_name(*name)) {
      report("invalid_name", "/name",
             fmt::format("\"{}\" cannot be a function's name", shorten(*name, 80)),
             "use at most 63 letters, digits, '_' and '-', the first a letter or digit");
    } else {
      spec().name = *std::move(name);
    }
    if (auto description = text("description")) {
      spec().description = std::string(trim(*description));
    }
    if (spec().description.empty()) {
      report("missing_member", "/description", "the function has no description",
             "say in a sentence what it does, so that it can be found");
      result_.diagnostics.back().severity = Severity::kWarning;
    }
  }

  void read_runtime() {
    read_timeout();
    read_memory();
    read_environment();
    if (auto* package = std::get_if<dag::LocalPackage>(&spec().binding)) read_code(*package);
    read_choice("event", kEventFormats, [&](const std::string& event) {
      if (event == "api-gateway") spec().runtime.event = dag::EventFormat::kApiGateway;
    });
  }

  void read_code(dag::LocalPackage& package) {
    package.handler = defaults_.handler;
    package.runtime = defaults_.runtime;
    if (auto runtime = text("runtime")) {
      if (!internal::is_runtime(*runtime)) {
        report("out_of_range", "/runtime",
               fmt::format("\"{}\" is no runtime", shorten(*runtime, 80)),
               "write it as Lambda does, for example \"python3.11\"");
      }
      package.runtime = *std::move(runtime);
    }
    if (auto handler = text("handler")) {
      if (!internal::is_handler(*handler, package.runtime)) {
        report("invalid_handler", "/handler",
               fmt::format("\"{}\" names no handler", shorten(*handler, 80)),
               "write \"module.function\", for example \"lambda_function.lambda_handler\"");
      }
      package.handler = *std::move(handler);
    }
    read_texts("layers", "out_of_range", internal::is_relative_path, "is no path",
               "give the path of the layer's folder or zip, relative to this file, with \"/\"",
               package.layers);
    if (package.layers.size() > kMaxLayers) {
      report("out_of_range", "/layers", fmt::format("{} layers", package.layers.size()),
             fmt::format("use at most {}, as in Lambda", kMaxLayers));
    }
  }

  // Where the function is, when it is not the code beside this file.
  void read_binding() {
    spec().binding = dag::LocalPackage{};
    const Json* value = member("binding", "object");
    if (value == nullptr) return;
    report_unknown(*value, "/binding", kBindings);
    const Json* http = json::find(*value, "http");
    const Json* lambda = json::find(*value, "lambda");
    if ((http == nullptr) == (lambda == nullptr)) {
      report("missing_member", "/binding", "the binding names no place, or two",
             "write \"http: {url: …}\" or \"lambda: {arn: …}\"");
    } else if (http != nullptr) {
      spec().binding =
          dag::HttpService{address(*http, "/binding/http", "url", internal::is_http_url,
                                   "an http:// or https:// URL without a user")};
    } else {
      spec().binding =
          dag::LambdaFunction{address(*lambda, "/binding/lambda", "arn", internal::is_lambda_arn,
                                      "arn:aws:lambda:<region>:<account>:function:<name>")};
    }
    for (const char* key : {"handler", "runtime", "layers"}) {
      if (std::holds_alternative<dag::LocalPackage>(spec().binding)) break;
      if (json::find(document_, key) == nullptr) continue;
      report("unknown_member", json::pointer_append("", key),
             fmt::format(
                 "\"{}\" is about code, but the binding says that the function is elsewhere", key),
             "remove it, or remove the binding");
    }
  }

  std::string address(const Json& holder, const std::string& pointer, const std::string& key,
                      bool (*valid)(std::string_view), std::string_view wanted) {
    const std::string place = json::pointer_append(pointer, key);
    if (!holder.is_object()) return report_type(pointer, "it", holder, "object"), "";
    report_unknown(holder, pointer, std::vector{key});
    const std::string text = json::string_or(holder, key);
    if (!valid(text)) {
      report("out_of_range", place, fmt::format("\"{}\" is no address", shorten(text, 80)),
             fmt::format("write {}", wanted));
    }
    return text;
  }

  // A list of texts, each of which must be valid.
  void read_texts(std::string_view key, const std::string& code, bool (*valid)(std::string_view),
                  std::string_view wrong, std::string_view fix, std::vector<std::string>& into) {
    const Json* value = member(key, "array");
    if (value == nullptr) return;
    for (std::size_t i = 0; i < value->size(); ++i) {
      const Json& item = (*value)[i];
      const std::string pointer = json::pointer_append(json::pointer_append("", key), i);
      if (!item.is_string()) {
        report_type(pointer, "it", item, "string");
      } else if (const auto& text = item.get_ref<const std::string&>(); !valid(text)) {
        report(code, pointer, fmt::format("\"{}\" {}", shorten(text, 80), wrong), std::string(fix));
      } else if (std::ranges::find(into, text) == into.end()) {
        into.push_back(text);
      }
    }
  }

  template <class Use>
  void read_choice(std::string_view key, const std::vector<std::string>& known, const Use& use) {
    const auto value = text(key);
    if (!value) return;
    if (std::ranges::find(known, *value) != known.end()) return use(*value);
    report("out_of_range", json::pointer_append("", key),
           fmt::format("\"{}\" is not possible here", shorten(*value, 80)),
           fmt::format("use one of: {}", join(known, ", ")), known);
  }

  // What it may get at besides its input.
  void read_reach() {
    auto& runtime = spec().runtime;
    read_texts("egress", "out_of_range", internal::is_egress, "is no place to connect to",
               "write \"host\", \"host:port\", \"*.domain:port\" or \"*\"", runtime.egress);
    read_texts("secrets", "invalid_name", is_identifier, "cannot be an environment variable",
               "use letters, digits and '_', the first no digit", runtime.secrets);
    if (auto state = text("state")) {
      if (!is_function_name(*state)) {
        report("invalid_name", "/state",
               fmt::format("\"{}\" cannot be a state's name", shorten(*state, 80)),
               "use at most 63 letters, digits, '_' and '-'");
      }
      runtime.state = *std::move(state);
    }
    if (const Json* value = member("s3", "boolean")) runtime.s3 = value->get<bool>();
    read_texts("errors", "invalid_name", is_error_type, "cannot be an error's type",
               "write it as the code raises it, for example ValueError", spec().errors);
  }

  void read_timeout() {
    const Json* value = member("timeout", "number");
    if (value == nullptr) return;
    const double seconds = value->get<double>();
    // Below half a millisecond would round to nothing.
    if (!std::isfinite(seconds) || seconds < 0.001 || seconds > kMaxTimeoutSeconds) {
      report("out_of_range", "/timeout", fmt::format("a timeout of {} s is not possible", seconds),
             "give seconds from 0.001 to 900");
      return;
    }
    spec().runtime.timeout = std::chrono::milliseconds(std::llround(seconds * 1000));
  }

  void read_memory() {
    const Json* value = member("memory", "integer");
    if (value == nullptr) return;
    const double mb = value->get<double>();  // also right for integers beyond 63 bits
    if (mb < static_cast<double>(kMinMemoryMb) || mb > static_cast<double>(kMaxMemoryMb)) {
      report("out_of_range", "/memory", fmt::format("{} MB of memory is not possible", mb),
             fmt::format("give {} to {} (MB)", kMinMemoryMb, kMaxMemoryMb));
      return;
    }
    spec().runtime.memory_mb = value->get<std::int64_t>();
  }

  void read_environment() {
    const Json* value = member("environment", "object");
    if (value == nullptr) return;
    for (const auto& [key, setting] : value->items()) {
      const std::string pointer = json::pointer_append("/environment", key);
      if (!is_identifier(key)) {
        report("invalid_name", pointer,
               fmt::format("\"{}\" cannot be an environment variable", shorten(key, 80)),
               "use letters, digits and '_', the first no digit");
      } else if (!setting.is_string()) {
        report_type(pointer, key, setting, "string");
      } else if (setting.get_ref<const std::string&>().find('\0') != std::string::npos) {
        report("out_of_range", pointer, "the value holds a zero byte", "remove it");
      } else {
        spec().runtime.environment[key] = setting.get<std::string>();
      }
    }
  }

  void read_effects() {
    if (const Json* value = member("idempotent", "boolean")) spec().idempotent = value->get<bool>();
    const Json* value = member("effects", "array");
    if (value == nullptr) return;
    for (std::size_t i = 0; i < value->size(); ++i) {
      const Json& item = (*value)[i];
      const std::string pointer = json::pointer_append("/effects", i);
      if (!item.is_string()) {
        report_type(pointer, "an effect", item, "string");
        continue;
      }
      const auto& effect = item.get_ref<const std::string&>();
      if (std::ranges::find(kEffects, effect) == kEffects.end()) {
        const std::string meant = nearest(effect, kEffects);
        report("unknown_effect", pointer, fmt::format("\"{}\" is no effect", shorten(effect, 80)),
               meant.empty() ? fmt::format("use one of: {}", join(kEffects, ", "))
                             : fmt::format("did you mean \"{}\"?", meant),
               meant.empty() ? kEffects : std::vector<std::string>{meant});
      } else if (std::ranges::find(spec().effects, effect) == spec().effects.end()) {
        spec().effects.push_back(effect);
      }
    }
  }

  // {} when it is absent or wrong: then nothing is known of the values.
  Json read_schema(std::string_view key) {
    const Json* schema = member(key, "object");
    if (schema == nullptr) return Json::object();
    const std::string pointer = json::pointer_append("", key);
    const auto violations = json::check_schema(*schema);
    for (const auto& violation : violations) {
      report("invalid_schema", pointer + violation.pointer,
             fmt::format("{}: {}", violation.keyword, violation.message),
             "mend the JSON Schema (draft 2020-12)");
    }
    const Json* type = json::find(*schema, "type");
    if (key == "input" && type != nullptr && *type != "object") {
      report("invalid_schema", "/input/type", "the input of a function is an object of parameters",
             "write \"type: object\" and list the parameters under \"properties\"");
    }
    if (!violations.empty()) {
      unusable_.emplace_back(key);
      return Json::object();
    }
    return *schema;
  }

  void read_examples() {
    const Json* examples = member("examples", "array");
    if (examples == nullptr) return;
    for (std::size_t i = 0; i < examples->size(); ++i) {
      read_example((*examples)[i], json::pointer_append("/examples", i));
    }
  }

  void read_example(const Json& example, const std::string& pointer) {
    if (!example.is_object()) {
      report_type(pointer, "an example", example, "object");
      return;
    }
    report_unknown(example, pointer, kExampleMembers);
    const Json* input = json::find(example, "input");
    const Json* output = json::find(example, "output");
    const Json* error = json::find(example, "error");
    if (input == nullptr) {
      report("missing_member", pointer, "the example has no input",
             "add \"input\" with the parameters");
      return;
    }
    if ((output == nullptr) == (error == nullptr)) {
      report("missing_member", pointer, "an example has either an output or an error",
             "give \"output\" with the result, or \"error\" with the name of the error");
      return;
    }
    dag::FunctionExample read{.input = *input, .output = nullptr, .error = ""};
    if (error != nullptr) {
      if (!error->is_string() || error->get_ref<const std::string&>().empty()) {
        report_type(json::pointer_append(pointer, "error"), "the error", *error, "string");
        return;
      }
      read.error = error->get<std::string>();
    } else {
      read.output = *output;
      compare("input", *input, json::pointer_append(pointer, "input"));
      compare("output", *output, json::pointer_append(pointer, "output"));
    }
    spec().examples.push_back(std::move(read));
  }

  void compare(std::string_view which, const Json& value, const std::string& pointer) {
    if (std::ranges::find(unusable_, which) != unusable_.end()) return;
    const Json& schema = which == "input" ? spec().input : spec().output;
    for (const auto& violation : json::validate(schema, value)) {
      report("example_mismatch", pointer + violation.pointer,
             fmt::format("the example contradicts the {} schema: {}", which, violation.message),
             "correct whichever of the two is wrong");
    }
  }

  const Json& document_;
  const SidecarDefaults& defaults_;
  ParsedSidecar result_;
  std::vector<std::string> unusable_;  // schemas that cannot be validated against
};

}  // namespace

bool is_function_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= 63 && name[0] != '_' && name[0] != '-' &&
         std::ranges::all_of(name, allowed);
}

ParsedSidecar read_sidecar(const Json& document, const SidecarDefaults& defaults) {
  return Reader(document, defaults).read();
}

Result<ParsedSidecar> parse_sidecar(std::string_view text) {
  AE_TRY(const Json document, json::parse_yaml(text));
  return read_sidecar(document);
}

}  // namespace ae::repository
