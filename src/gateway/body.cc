#include "gateway/internal/body.h"

#include <fmt/format.h>

#include <charconv>
#include <set>
#include <utility>

#include "base/text.h"
#include "gateway/internal/schemas.h"
#include "gateway/internal/upload.h"
#include "json/schema.h"
#include "json/yaml.h"
#include "net/http_message.h"

namespace ae::gateway {
namespace {

std::string media_type_of(std::string_view header) {
  return to_lower(trim(header.substr(0, header.find(';'))));
}

bool is_json_type(std::string_view type) {
  return type == "application/json" ||
         (type.starts_with("application/") && type.ends_with("+json"));
}

bool is_yaml_type(std::string_view type) {
  return type == "application/yaml" || type == "text/yaml" || type == "application/x-yaml";
}

Refusal unsupported_type(const Route& route, std::string_view type) {
  const std::string_view wanted =
      route.body == BodyKind::kDocument ? "application/json, application/yaml or text/yaml"
      : route.body == BodyKind::kUpload ? "application/json, application/zip or multipart/form-data"
                                        : "application/json";
  return {415,
          "unsupported_media_type",
          "The body's type is not understood",
          fmt::format("{} {} takes {}; this body says {}. Set the header, for example: curl -H "
                      "'content-type: application/json' -d '{{…}}'",
                      route.method, route.path, wanted,
                      type.empty() ? "nothing (no Content-Type)"
                                   : fmt::format("\"{}\"", shorten(type, 80))),
          {}};
}

// The body as a value; nullopt in `refusal` when it is one.
std::optional<Refusal> parse_body(const Route& route, const net::Request& request, Json& value) {
  if (trim(request.body).empty()) return std::nullopt;  // `value` stays {}
  const std::string type = media_type_of(request.header("Content-Type").value_or(""));
  const bool yaml = route.body == BodyKind::kDocument && is_yaml_type(type);
  if (!yaml && !is_json_type(type)) return unsupported_type(route, type);
  auto parsed = yaml ? json::parse_yaml(request.body) : json::parse(request.body);
  if (!parsed) {
    const bool too_large = parsed.error().code == ErrorCode::kResourceExhausted;
    return Refusal{too_large ? 413 : 400,
                   too_large ? "too_large" : "malformed_body",
                   too_large
                       ? "The body is too large or too deep"
                       : fmt::format("The body is not well-formed {}", yaml ? "YAML" : "JSON"),
                   parsed.error().describe(),
                   {}};
  }
  value = *std::move(parsed);
  return std::nullopt;
}

std::optional<Json> typed_parameter(const Json& schema, const std::string& text) {
  const std::string type = json::string_or(schema, "type");
  if (type == "integer") {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return Json(number);
  }
  return Json(text);
}

Refusal bad_parameter(std::string_view detail) {
  return {400, "invalid_parameter", "A query parameter is wrong", std::string(detail), {}};
}

std::optional<Refusal> read_parameter(const Route& route, std::string_view pair, Call& call) {
  const std::size_t equals = pair.find('=');
  const auto name = net::percent_decode(pair.substr(0, equals));
  std::string raw(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
  for (char& c : raw) c = c == '+' ? ' ' : c;
  const auto value = net::percent_decode(raw);
  if (!name || !value || !is_utf8(*name) || !is_utf8(*value)) {
    return bad_parameter(fmt::format("\"{}\" is not percent-encoded UTF-8", shorten(pair, 60)));
  }
  std::vector<std::string> known;
  for (const Parameter& parameter : route.parameters) {
    if (parameter.in != "query") continue;
    known.push_back(parameter.name);
    if (parameter.name != *name) continue;
    const auto typed = typed_parameter(parameter.schema, *value);
    if (!typed) {
      return bad_parameter(
          fmt::format("?{}= must be a whole number, not \"{}\"", *name, shorten(*value, 40)));
    }
    if (const auto violations = json::validate(parameter.schema, *typed); !violations.empty()) {
      return bad_parameter(fmt::format("?{}= {}", *name, violations.front().message));
    }
    if (!call.query.emplace(*name, *value).second) {
      return bad_parameter(fmt::format("?{}= is given twice; give it once", *name));
    }
    return std::nullopt;
  }
  const std::string meant = nearest(*name, known);
  std::string hint;
  if (!meant.empty()) {
    hint = fmt::format("; did you mean \"{}\"?", meant);
  } else if (!known.empty()) {
    hint = fmt::format("; it takes {}", join(known, ", "));
  } else {
    hint = "; it takes none";
  }
  return bad_parameter(fmt::format("{} {} has no query parameter \"{}\"{}", route.method,
                                   route.path, shorten(*name, 40), hint));
}

std::string code_of(std::string_view keyword) {
  if (keyword == "required" || keyword == "dependentRequired") return "missing_member";
  if (keyword == "additionalProperties" || keyword == "propertyNames") return "unknown_member";
  if (keyword == "type") return "wrong_type";
  return "invalid_value";
}

std::string fix_of(std::string_view code, std::string_view pointer) {
  if (code == "unknown_member") return "leave it out, or correct its name";
  if (code == "wrong_type") return fmt::format("send a value of that type at {}", pointer);
  if (code == "missing_member") return "add it";
  return "send a value that the schema allows";
}

// What a missing member should look like, from its schema.
std::string describe_member(const Json& schema, const std::string& name) {
  const Json* properties = json::find(schema, "properties");
  const Json* member = properties == nullptr ? nullptr : json::find(*properties, name);
  if (member == nullptr) return fmt::format("add \"{}\"", name);
  std::string text = fmt::format("add \"{}\"", name);
  if (const std::string type = json::string_or(*member, "type"); !type.empty()) {
    text += fmt::format(" ({})", type);
  }
  if (const std::string what = json::string_or(*member, "description"); !what.empty()) {
    text += ": " + shorten(what, 160);
  }
  if (const Json* examples = json::find(*member, "examples");
      examples != nullptr && examples->is_array() && !examples->empty()) {
    text += fmt::format(" For example {}.", shorten(json::dump(examples->front()), 80));
  }
  return text;
}

std::vector<dag::Diagnostic> missing_members(const Json& schema, const Json& value,
                                             std::string_view prefix, std::string_view code) {
  std::vector<dag::Diagnostic> found;
  const Json* required = json::find(schema, "required");
  if (required == nullptr || !required->is_array() || !value.is_object()) return found;
  for (const Json& name : *required) {
    if (!name.is_string() || json::find(value, name.get<std::string>()) != nullptr) continue;
    const std::string text = name.get<std::string>();
    found.push_back({.code = std::string(code),
                     .pointer = json::pointer_append(prefix, text),
                     .message = fmt::format("\"{}\" is required and missing", text),
                     .fix = describe_member(schema, text),
                     .candidates = {}});
  }
  return found;
}

std::vector<dag::Diagnostic> check(const json::SchemaPart& part, const Json& value,
                                   std::string_view prefix, std::string_view missing_code) {
  std::vector<dag::Diagnostic> found = missing_members(*part.schema, value, prefix, missing_code);
  const bool named = !found.empty();
  for (json::SchemaViolation& violation : json::validate(part, value)) {
    // The missing members of the value itself are named above, each at its own place.
    if (named && violation.keyword == "required" && violation.pointer.empty()) continue;
    const std::string code = code_of(violation.keyword);
    const std::string pointer = std::string(prefix) + violation.pointer;
    found.push_back({.code = code,
                     .pointer = pointer,
                     .message = std::move(violation.message),
                     .fix = fix_of(code, pointer.empty() ? "the top" : pointer),
                     .candidates = {}});
  }
  return found;
}

}  // namespace

std::vector<dag::Diagnostic> check_value(const Json& schema, const Json& value,
                                         std::string_view prefix) {
  return check({&schema, &schema}, value, prefix, "missing_member");
}

std::vector<dag::Diagnostic> check_input(const Json& schema, Json& input, std::string_view prefix) {
  if (const Json* properties = json::find(schema, "properties");
      properties != nullptr && properties->is_object() && input.is_object()) {
    for (const auto& item : properties->items()) {
      const Json* fallback = json::find(item.value(), "default");
      if (fallback != nullptr && json::find(input, item.key()) == nullptr) {
        input[item.key()] = *fallback;
      }
    }
  }
  return check({&schema, &schema}, input, prefix, "missing_input");
}

std::string summarize(const std::vector<dag::Diagnostic>& diagnostics) {
  std::string text;
  std::size_t shown = 0;
  for (const dag::Diagnostic& one : diagnostics) {
    if (shown == 3) {
      return text + fmt::format("; and {} more, see errors", diagnostics.size() - shown);
    }
    if (shown++ > 0) text += "; ";
    text += one.pointer.empty() ? one.message : fmt::format("{}: {}", one.pointer, one.message);
  }
  return text;
}

std::optional<Refusal> read_call(const Route& route, Call& call) {
  const net::Request& request = call.request();
  if (!request.query().empty()) {
    for (const std::string_view pair : split(request.query(), '&')) {
      if (pair.empty()) continue;
      if (auto refusal = read_parameter(route, pair, call)) return refusal;
    }
  }
  if (route.body == BodyKind::kNone || route.body == BodyKind::kStream) return std::nullopt;
  if (route.body == BodyKind::kUpload && !request.body.empty() &&
      is_upload_type(media_type_of(request.header("Content-Type").value_or("")))) {
    return std::nullopt;
  }
  if (auto refusal = parse_body(route, request, call.body)) return refusal;
  // A workflow may also come bare, as `ae get -o yaml` and editors write it.
  if (route.body == BodyKind::kDocument && route.path.starts_with("/v1/workflows") &&
      call.body.is_object() && call.body.contains("kind")) {
    Json wrapped = Json::object();
    wrapped["workflow"] = std::move(call.body);
    call.body = std::move(wrapped);
  }
  if (route.request_schema.is_null()) return std::nullopt;
  const Json& document = schema_document();
  const std::string name = json::string_or(route.request_schema, "$ref");
  const Json* schema =
      name.empty() ? &route.request_schema : json::at_pointer(document, name.substr(1));
  std::vector<dag::Diagnostic> wrong = check({&document, schema}, call.body, "", "missing_member");
  if (wrong.empty()) return std::nullopt;
  const std::string detail = summarize(wrong);
  return Refusal{422, "invalid_body", "The body is not what this request takes", detail,
                 std::move(wrong)};
}

}  // namespace ae::gateway
