#include "repository/infer.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "repository/internal/entry_point.h"
#include "repository/internal/javascript_reader.h"
#include "repository/internal/name_words.h"
#include "repository/internal/python_reader.h"

namespace ae::repository {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMaxModules = 40;
constexpr std::size_t kMaxSourceBytes = 512UL << 10U;  // of one file
constexpr std::size_t kMaxAllBytes = 2UL << 20U;

// Sources of the modules in a folder, by name.
void add_modules(const fs::path& folder, Json& modules, std::size_t& bytes) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator entries(folder, error); !error && entries != fs::directory_iterator();
       entries.increment(error)) {
    if (entries->path().extension() == ".py" && entries->is_regular_file(error)) {
      files.push_back(entries->path());
    }
  }
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    if (modules.size() == kMaxModules) return;
    const auto source = read_file(file, kMaxSourceBytes);
    if (!source || !is_utf8(*source) || bytes + source->size() > kMaxAllBytes) continue;
    if (modules.contains(file.stem().string())) continue;
    bytes += source->size();
    modules[file.stem().string()] = *source;
  }
}

Inference from_python(const fs::path& file, const fs::path& folder, std::string_view function,
                      const fs::path& python) {
  Inference result;
  const auto source = read_file(file, kMaxSourceBytes);
  if (!source || !is_utf8(*source)) {
    result.failure = source ? "its code is no UTF-8" : source.error().message;
    return result;
  }
  Json modules = Json::object();
  const std::string module = file.stem().string();
  modules[module] = *source;
  std::size_t bytes = source->size();
  add_modules(file.parent_path(), modules, bytes);
  if (folder != file.parent_path()) add_modules(folder, modules, bytes);
  const auto answer = internal::ask_python(
      python, Json{{"module", module}, {"handler", function}, {"modules", std::move(modules)}});
  if (!answer) {
    result.failure = answer.error().message;
    return result;
  }
  result.description = json::string_or(*answer, "description");
  result.failure = json::string_or(*answer, "failure");
  if (const Json* input = json::find(*answer, "input")) result.input = *input;
  if (const Json* output = json::find(*answer, "output")) result.output = *output;
  if (const Json* errors = json::find(*answer, "errors"); errors != nullptr && errors->is_array()) {
    for (const Json& one : *errors) {
      if (one.is_string()) result.errors.push_back(one.get<std::string>());
    }
  }
  if (json::string_or(*answer, "event") == "api-gateway") {
    result.event = dag::EventFormat::kApiGateway;
  }
  return result;
}

bool says(const Json& declaration, std::string_view member) {
  const Json* value = json::find(declaration, member);
  return value != nullptr && !value->is_null();
}

void add_examples(const dag::FunctionSpec& spec, Inference& inference) {
  std::vector<Json> inputs;
  std::vector<Json> outputs;
  for (const dag::FunctionExample& example : spec.examples) {
    if (!example.error.empty() || !example.input.is_object()) continue;
    inputs.push_back(example.input);
    outputs.push_back(example.output);
  }
  if (inputs.empty()) return;
  inference.input = refined(inference.input, schema_of_values(inputs));
  inference.output = refined(inference.output, schema_of_values(outputs));
}

}  // namespace

Inference infer_from_code(const fs::path& folder, const dag::LocalPackage& code,
                          const fs::path& python) {
  Inference result;
  const auto file = internal::handler_file(folder, code);
  if (!file) return result;
  const std::size_t dot = code.handler.rfind('.');
  const std::string_view function = std::string_view(code.handler).substr(dot + 1);
  if (code.runtime.starts_with("python")) return from_python(*file, folder, function, python);
  const auto source = read_file(*file, kMaxSourceBytes);
  if (!source || !is_utf8(*source)) {
    result.failure = "its code is too long, or no UTF-8";
    return result;
  }
  return internal::read_javascript(*source, function);
}

std::string describe_name(std::string_view name) {
  std::string text = join(internal::name_words(name), " ");
  if (text.empty()) return text;
  if (text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text + '.';
}

void infer_what_is_undeclared(Package& package, const fs::path& python) {
  dag::FunctionSpec& spec = package.spec;
  const auto* code = std::get_if<dag::LocalPackage>(&spec.binding);
  // Who declares one of the two has said what they had to say.
  const bool declared = says(package.declaration, "input") || says(package.declaration, "output");
  if (!declared) {
    Inference found;
    if (code != nullptr) found = infer_from_code(package.folder, *code, python);
    if (!found.failure.empty()) {
      package.notes.push_back(fmt::format(
          "its schemas cannot be guessed from the code: {}; declare them in function.yaml",
          found.failure));
    }
    add_examples(spec, found);
    spec.schemas = dag::SchemaSource::kInferred;
    spec.input = std::move(found.input);
    spec.output = std::move(found.output);
    if (!says(package.declaration, "event")) spec.runtime.event = found.event;
    if (!says(package.declaration, "errors")) spec.errors = std::move(found.errors);
    if (spec.description.empty()) spec.description = std::move(found.description);
  }
  if (spec.description.empty()) spec.description = describe_name(spec.name);
}

}  // namespace ae::repository
