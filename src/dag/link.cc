#include "dag/link.h"

#include <fmt/format.h>

#include <cstdint>

#include "dag/serialize.h"

namespace ae::dag {
namespace {

// Reads members of one JSON object; the first fault is kept and everything after it is moot.
class Members final {
 public:
  Members(const Json& object, std::string_view what) : object_(object) {
    if (!object.is_object()) refuse(fmt::format("{} must be an object", what));
  }

  std::string text(std::string_view name) {
    const Json* value = json::find(object_, name);
    if (value == nullptr) return {};
    if (!value->is_string()) return refuse(fmt::format("\"{}\" must be a string", name)), "";
    return value->get<std::string>();
  }

  std::int64_t integer(std::string_view name, std::int64_t otherwise) {
    const Json* value = json::find(object_, name);
    if (value == nullptr) return otherwise;
    static constexpr std::int64_t kMost = std::int64_t{1} << 40U;
    if (!value->is_number_integer() || value->get<std::int64_t>() < 0 ||
        value->get<std::int64_t>() > kMost) {
      refuse(fmt::format("\"{}\" must be a whole number from 0 to {}", name, kMost));
      return otherwise;
    }
    return value->get<std::int64_t>();
  }

  bool boolean(std::string_view name, bool otherwise) {
    const Json* value = json::find(object_, name);
    if (value == nullptr) return otherwise;
    if (!value->is_boolean())
      return refuse(fmt::format("\"{}\" must be true or false", name)), otherwise;
    return value->get<bool>();
  }

  std::vector<std::string> texts(std::string_view name) {
    std::vector<std::string> texts;
    const Json* value = of_type(name, Json::value_t::array);
    if (value == nullptr) return texts;
    for (const Json& item : *value) {
      if (!item.is_string()) {
        refuse(fmt::format("each of \"{}\" must be a string", name));
        return {};
      }
      texts.push_back(item.get<std::string>());
    }
    return texts;
  }

  // nullptr when absent.
  const Json* of_type(std::string_view name, Json::value_t type) {
    const Json* value = json::find(object_, name);
    if (value == nullptr || value->type() == type) return value;
    refuse(fmt::format("\"{}\" must be an {}", name,
                       type == Json::value_t::array ? "array" : "object"));
    return nullptr;
  }

  void refuse(std::string message) {
    if (error_.empty()) error_ = std::move(message);
  }

  Result<void> check() const {
    if (error_.empty()) return {};
    return fail(ErrorCode::kInvalidArgument, error_);
  }

 private:
  const Json& object_;
  std::string error_;
};

Json to_json(const LocalPackage& package) {
  Json json{{"kind", "localPackage"},
            {"folder", package.folder},
            {"handler", package.handler},
            {"runtime", package.runtime}};
  if (!package.layers.empty()) json["layers"] = package.layers;
  return json;
}

Json to_json(const HttpService& service) { return Json{{"kind", "http"}, {"url", service.url}}; }

Json to_json(const LambdaFunction& function) {
  return Json{{"kind", "lambda"}, {"arn", function.arn}};
}

Result<FunctionBinding> binding_from_json(const Json& json) {
  Members members(json, "\"binding\"");
  const std::string kind = members.text("kind");
  FunctionBinding binding;
  if (kind == "localPackage") {
    binding = LocalPackage{members.text("folder"), members.text("handler"), members.text("runtime"),
                           members.texts("layers")};
  } else if (kind == "http") {
    binding = HttpService{members.text("url")};
  } else if (kind == "lambda") {
    binding = LambdaFunction{members.text("arn")};
  } else {
    members.refuse(
        fmt::format("\"binding.kind\" is \"{}\"; known are localPackage, http and lambda", kind));
  }
  AE_CHECK(members.check());
  return binding;
}

Json to_json(const FunctionExample& example) {
  Json json{{"input", example.input}, {"output", example.output}};
  if (!example.error.empty()) json["error"] = example.error;
  return json;
}

Result<FunctionExample> example_from_json(const Json& json) {
  Members members(json, "each of \"examples\"");
  FunctionExample example;
  if (const Json* input = json::find(json, "input")) example.input = *input;
  if (const Json* output = json::find(json, "output")) example.output = *output;
  example.error = members.text("error");
  AE_CHECK(members.check());
  return example;
}

Json to_json(const RuntimeSettings& runtime) {
  Json environment = Json::object();
  for (const auto& [name, value] : runtime.environment) environment[name] = value;
  Json json{{"timeoutMs", runtime.timeout.count()},
            {"memoryMb", runtime.memory_mb},
            {"environment", std::move(environment)}};
  if (!runtime.egress.empty()) json["egress"] = runtime.egress;
  if (!runtime.secrets.empty()) json["secrets"] = runtime.secrets;
  if (!runtime.state.empty()) json["state"] = runtime.state;
  if (!runtime.s3) json["s3"] = false;
  if (runtime.event == EventFormat::kApiGateway) json["event"] = "api-gateway";
  return json;
}

Result<RuntimeSettings> runtime_from_json(const Json& json) {
  Members members(json, "\"runtime\"");
  RuntimeSettings runtime;
  runtime.timeout = std::chrono::milliseconds(members.integer("timeoutMs", 3'000));
  runtime.memory_mb = members.integer("memoryMb", 128);
  if (const Json* environment = members.of_type("environment", Json::value_t::object)) {
    for (const auto& item : environment->items()) {
      if (!item.value().is_string()) {
        members.refuse(fmt::format("\"runtime.environment.{}\" must be a string", item.key()));
        break;
      }
      runtime.environment[item.key()] = item.value().get<std::string>();
    }
  }
  runtime.egress = members.texts("egress");
  runtime.secrets = members.texts("secrets");
  runtime.state = members.text("state");
  runtime.s3 = members.boolean("s3", true);
  if (const std::string event = members.text("event"); event == "api-gateway") {
    runtime.event = EventFormat::kApiGateway;
  } else if (!event.empty() && event != "plain") {
    members.refuse(
        fmt::format("\"runtime.event\" is \"{}\"; known are plain and api-gateway", event));
  }
  AE_CHECK(members.check());
  return runtime;
}

}  // namespace

const FunctionSpec& LinkedWorkflow::spec_of(const Node& node) const {
  return functions.at(function_key(node.function, node.version));
}

std::string function_key(std::string_view name, std::string_view version) {
  return fmt::format("{}@{}", name, version);
}

Json to_json(const FunctionSpec& spec) {
  Json examples = Json::array();
  for (const FunctionExample& example : spec.examples) examples.push_back(to_json(example));
  Json json{{"name", spec.name},
            {"version", spec.version},
            {"description", spec.description},
            {"input", spec.input},
            {"output", spec.output},
            {"schemas", spec.schemas == SchemaSource::kDeclared ? "declared" : "inferred"},
            {"effects", spec.effects},
            {"idempotent", spec.idempotent},
            {"runtime", to_json(spec.runtime)},
            {"binding", std::visit([](const auto& one) { return to_json(one); }, spec.binding)},
            {"examples", std::move(examples)}};
  if (!spec.errors.empty()) json["errors"] = spec.errors;
  return json;
}

Result<FunctionSpec> function_spec_from_json(const Json& json) {
  Members members(json, "a function");
  FunctionSpec spec;
  spec.name = members.text("name");
  spec.version = members.text("version");
  spec.description = members.text("description");
  // A schema may also be true or false.
  if (const Json* input = json::find(json, "input")) spec.input = *input;
  if (const Json* output = json::find(json, "output")) spec.output = *output;
  if (const std::string source = members.text("schemas"); source == "inferred") {
    spec.schemas = SchemaSource::kInferred;
  } else if (!source.empty() && source != "declared") {
    members.refuse(fmt::format("\"schemas\" is \"{}\"; known are declared and inferred", source));
  }
  spec.effects = members.texts("effects");
  spec.idempotent = members.boolean("idempotent", true);
  spec.errors = members.texts("errors");
  if (spec.name.empty()) members.refuse("\"name\" is missing");
  AE_CHECK(members.check());
  if (const Json* runtime = json::find(json, "runtime")) {
    AE_TRY(spec.runtime, runtime_from_json(*runtime));
  }
  if (const Json* binding = json::find(json, "binding")) {
    AE_TRY(spec.binding, binding_from_json(*binding));
  }
  if (const Json* examples = members.of_type("examples", Json::value_t::array)) {
    for (const Json& one : *examples) {
      AE_TRY(FunctionExample example, example_from_json(one));
      spec.examples.push_back(std::move(example));
    }
  }
  AE_CHECK(members.check());
  return spec;
}

Json to_json(const LinkedWorkflow& linked) {
  Json functions = Json::object();
  for (const auto& [key, spec] : linked.functions) functions[key] = to_json(spec);
  return Json{{"workflow", to_json(linked.workflow)}, {"functions", std::move(functions)}};
}

Result<LinkedWorkflow> linked_workflow_from_json(const Json& json) {
  Members members(json, "a linked workflow");
  const Json* workflow = members.of_type("workflow", Json::value_t::object);
  const Json* functions = members.of_type("functions", Json::value_t::object);
  AE_CHECK(members.check());
  if (workflow == nullptr || functions == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "\"workflow\" or \"functions\" is missing");
  }
  ParsedWorkflow parsed = parse_workflow(*workflow);
  if (has_errors(parsed.diagnostics)) {
    const Diagnostic& first = parsed.diagnostics.front();
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("/workflow{}: {}", first.pointer, first.message));
  }
  LinkedWorkflow linked{std::move(parsed.workflow), {}};
  for (const auto& item : functions->items()) {
    auto spec = function_spec_from_json(item.value());
    if (!spec) return annotate(std::move(spec).error(), "reading the function " + item.key());
    if (item.key() != function_key(spec->name, spec->version)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the function {} is filed under {}",
                              function_key(spec->name, spec->version), item.key()));
    }
    linked.functions.emplace(item.key(), *std::move(spec));
  }
  for (const Node& node : linked.workflow.nodes) {
    if (linked.functions.contains(function_key(node.function, node.version))) continue;
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the step {} calls {}, which is not among the functions", node.id,
                            function_key(node.function, node.version)));
  }
  return linked;
}

}  // namespace ae::dag
