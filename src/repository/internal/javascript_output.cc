// What a JavaScript handler gives, from the expressions that it returns.
#include <algorithm>
#include <array>

#include "repository/infer.h"
#include "repository/internal/javascript_functions.h"

namespace ae::repository::internal {
namespace {

using Kind = JavascriptToken::Kind;
using Tokens = std::vector<JavascriptToken>;

constexpr int kMaxDepth = 8;
constexpr int kMaxSteps = 5'000;  // expressions looked at

template <class List>
bool in(const List& list, std::string_view text) {
  return std::ranges::find(list, text) != list.end();
}

Json typed(std::string_view type) { return Json{{"type", type}}; }

struct Shape {
  Json schema = Json::object();
  Json in_text{};  // of JSON.stringify(x): the schema of x; else null
  int status = 0;  // of an answer with a constant statusCode
  bool nothing = false;
};

class Output final {
 public:
  Output(const Tokens& tokens, const JavascriptSlots& slots, std::vector<std::string>& errors)
      : tokens_(tokens), slots_(slots), errors_(errors) {}

  Shape of_function(const JavascriptFunction& function) {
    if (function.expression) return evaluate(function.body, function.body_end, function);
    Shape all;
    bool first = true;
    int failed = 0;
    for (std::size_t i = function.body; i < function.body_end; ++i) {
      if (const std::size_t past = end_of_inner_function(i); past > i) {
        i = past;
        continue;
      }
      if (!tokens_[i].is_name("return") || tokens_[i + 1].line != tokens_[i].line) continue;
      const std::size_t end = expression_end(tokens_, i + 1, function.body_end);
      if (end == i + 1) continue;
      Shape one = evaluate(i + 1, end, function);
      if (one.status >= 400) {
        failed = std::max(failed, one.status);
        if (caller_ != nullptr) continue;  // its caller decides
        const std::string error = "Http" + std::to_string(one.status);
        if (!in(errors_, error)) errors_.push_back(error);
        continue;
      }
      if (one.nothing) continue;
      all.schema = first ? std::move(one.schema) : either_schema(all.schema, one.schema);
      all.in_text = first ? std::move(one.in_text) : Json();
      all.status = one.status;
      first = false;
    }
    if (first) all.status = failed;
    return all;
  }

 private:
  // Returns inside callbacks are not the handler's.
  std::size_t end_of_inner_function(std::size_t i) const {
    const bool arrow = tokens_[i].is("=>") && tokens_[i + 1].is("{");
    if (arrow) return tokens_[i + 1].mate;
    if (!tokens_[i].is_name("function")) return 0;
    const auto inner = function_at(tokens_, i);
    return inner ? inner->body_end : 0;
  }

  Shape evaluate(std::size_t begin, std::size_t end, const JavascriptFunction& function) {
    Shape shape;
    while (begin < end && tokens_[begin].is_name("await")) ++begin;
    if (begin >= end || depth_ >= kMaxDepth || ++steps_ > kMaxSteps) return shape;
    ++depth_;
    shape = evaluate_deeper(begin, end, function);
    --depth_;
    return shape;
  }

  Shape evaluate_deeper(std::size_t begin, std::size_t end, const JavascriptFunction& function) {
    const JavascriptToken& first = tokens_[begin];
    if (first.is("(") && first.mate + 1 == end) return evaluate(begin + 1, first.mate, function);
    if (auto shape = of_operators(begin, end, function)) return *std::move(shape);
    if (first.is("{") && first.mate + 1 == end) return of_object(begin, function);
    if (first.is("[") && first.mate + 1 == end) return {of_list(begin, function)};
    if (const auto literal = literal_at(tokens_, begin, end)) {
      Shape shape;
      if (!literal->is_null()) shape.schema = typed(json::type_name(*literal));
      shape.nothing = literal->is_null();
      return shape;
    }
    if (first.kind == Kind::kTemplate && begin + 1 == end) return {typed("string")};
    if (first.is("!")) return {typed("boolean")};
    if (end - begin > 1) return of_call(begin, end, function);
    if (first.kind == Kind::kName) return of_name(first.text, begin, function);
    return {};
  }

  // The operator that binds least, outside of brackets.
  std::optional<Shape> of_operators(std::size_t begin, std::size_t end,
                                    const JavascriptFunction& function) {
    std::size_t question = 0;
    std::size_t choice = 0;
    bool compares = false;
    bool adds = false;
    bool computes = false;
    bool text = false;
    for (std::size_t i = begin; i<end; i = tokens_[i].mate> i ? tokens_[i].mate + 1 : i + 1) {
      const JavascriptToken& token = tokens_[i];
      if (token.is("=>")) return std::nullopt;
      if (token.is("?") && question == 0) question = i;
      if (token.is("||") || token.is("??")) choice = i;
      compares = compares || token.is("===") || token.is("!==") || token.is("==") ||
                 token.is("!=") || token.is("<") || token.is(">") || token.is("<=") ||
                 token.is(">=") || token.is_name("instanceof") || token.is("&&");
      if (i > begin) {
        adds = adds || token.is("+");
        computes = computes || token.is("-") || token.is("*") || token.is("/") || token.is("%") ||
                   token.is("**");
      }
      text = text || token.kind == Kind::kString || token.kind == Kind::kTemplate;
    }
    if (question != 0) return of_condition(question, end, function);
    if (compares) return Shape{typed("boolean")};
    if (choice != 0) {
      const Shape left = evaluate(begin, choice, function);
      const Shape right = evaluate(choice + 1, end, function);
      return Shape{right.nothing ? left.schema : either_schema(left.schema, right.schema)};
    }
    if (adds && text) return Shape{typed("string")};
    if (computes || adds) return Shape{computes ? typed("number") : of_sum(begin, end, function)};
    return std::nullopt;
  }

  std::optional<Shape> of_condition(std::size_t question, std::size_t end,
                                    const JavascriptFunction& function) {
    std::size_t colon = question + 1;
    while (colon < end && !tokens_[colon].is(":")) {
      colon = tokens_[colon].mate > colon ? tokens_[colon].mate + 1 : colon + 1;
    }
    if (colon >= end) return Shape{};
    const Shape yes = evaluate(question + 1, colon, function);
    const Shape no = evaluate(colon + 1, end, function);
    if (yes.nothing) return no;
    if (no.nothing) return yes;
    return Shape{either_schema(yes.schema, no.schema)};
  }

  // a + b: a number unless one is a text.
  Json of_sum(std::size_t begin, std::size_t end, const JavascriptFunction& function) {
    std::size_t plus = begin + 1;
    while (plus < end && !tokens_[plus].is("+")) {
      plus = tokens_[plus].mate > plus ? tokens_[plus].mate + 1 : plus + 1;
    }
    for (const Json& side : {evaluate(begin, plus, function).schema,
                             evaluate(std::min(plus + 1, end), end, function).schema}) {
      const std::string type = json::string_or(side, "type");
      if (type == "string") return typed("string");
      if (type == "number" || type == "integer") return typed("number");
    }
    return Json::object();
  }

  Shape of_object(std::size_t open, const JavascriptFunction& function) {
    const std::size_t close = tokens_[open].mate;
    Shape shape;
    Json properties = Json::object();
    Json required = Json::array();
    Shape body;
    bool has_body = false;
    for (std::size_t i = open + 1; i < close;) {
      if (tokens_[i].is(",")) {
        ++i;
        continue;
      }
      const std::size_t end = member_end(i, close);
      if (tokens_[i].is("...")) {
        const Shape inner = evaluate(i + 1, end, function);
        if (const Json* more = json::find(inner.schema, "properties")) properties.update(*more);
        if (const Json* more = json::find(inner.schema, "required")) {
          for (const Json& one : *more) required.push_back(one);
        }
      } else if (tokens_[i].kind == Kind::kName || tokens_[i].kind == Kind::kString) {
        const std::string& name = tokens_[i].text;
        Shape value;
        if (tokens_[i + 1].is(":")) {
          value = evaluate(i + 2, end, function);
          const auto literal = literal_at(tokens_, i + 2, end);
          if (name == "statusCode" && literal && literal->is_number_integer()) {
            shape.status = static_cast<int>(literal->get<std::int64_t>());
          } else if (name == "statusCode" && i + 3 == end) {
            shape.status = status_of(tokens_[i + 2].text);
          }
        } else if (i + 1 == end) {
          value = of_name(name, i, function);
          if (name == "statusCode") shape.status = std::max(shape.status, status_of(name));
        }
        if (name == "body") {
          body = value;
          has_body = true;
        }
        properties[name] = std::move(value.schema);
        if (std::find(required.begin(), required.end(), name) == required.end())
          required.push_back(name);
      }
      i = end;
    }
    // {"statusCode", "body"} is what its body says: whoever runs it unwraps an object.
    if (has_body && properties.contains("statusCode")) {
      const Json& inner = body.in_text.is_null() ? body.schema : body.in_text;
      if (json::string_or(inner, "type") == "object") {
        shape.schema = inner;
        return shape;
      }
    }
    shape.schema = Json{{"type", "object"}, {"properties", std::move(properties)}};
    if (!required.empty()) shape.schema["required"] = std::move(required);
    return shape;
  }

  // Unlike an expression's end, that of a member knows only commas.
  std::size_t member_end(std::size_t at, std::size_t close) const {
    while (at < close && !tokens_[at].is(",")) {
      at = tokens_[at].mate > at ? tokens_[at].mate + 1 : at + 1;
    }
    return std::min(at, close);
  }

  Json of_list(std::size_t open, const JavascriptFunction& function) {
    Json schema = typed("array");
    const std::size_t close = tokens_[open].mate;
    if (open + 1 == close || tokens_[open + 1].is("...")) return schema;
    Json items = evaluate(open + 1, member_end(open + 1, close), function).schema;
    if (!items.empty()) schema["items"] = std::move(items);
    return schema;
  }

  Shape of_call(std::size_t begin, std::size_t end, const JavascriptFunction& function) {
    const JavascriptToken& first = tokens_[begin];
    // JSON.stringify(x)
    if (first.is_name("JSON") && tokens_[begin + 2].is_name("stringify") &&
        tokens_[begin + 3].is("(")) {
      Shape shape{typed("string")};
      const std::size_t close = tokens_[begin + 3].mate;
      shape.in_text =
          evaluate(begin + 4, member_end(begin + 4, std::max(close, begin + 4)), function).schema;
      return shape;
    }
    const std::size_t open = begin + 1;
    if (first.kind == Kind::kName && tokens_[open].is("(") && tokens_[open].mate + 1 == end) {
      static constexpr std::array<std::string_view, 3> kNumbers{"Number", "parseFloat", "BigInt"};
      if (in(kNumbers, first.text)) return {typed("number")};
      if (first.text == "parseInt") return {typed("integer")};
      if (first.text == "String") return {typed("string")};
      if (first.text == "Boolean") return {typed("boolean")};
      return of_own_function(first.text, open, function);
    }
    if (first.is_name("Math")) {
      static constexpr std::array<std::string_view, 4> kWhole{"round", "floor", "ceil", "trunc"};
      return {typed(in(kWhole, tokens_[begin + 2].text) ? "integer" : "number")};
    }
    if (first.is_name("Date") && tokens_[begin + 2].is_name("now")) return {typed("integer")};
    if (const std::string type = type_of_last_call(begin, end); !type.empty()) {
      return {type == "strings" ? Json{{"type", "array"}, {"items", typed("string")}}
                                : typed(type)};
    }
    return of_path(begin, end);
  }

  // By the last method of a chain.
  std::string type_of_last_call(std::size_t begin, std::size_t end) const {
    std::string name;
    std::size_t last = begin;
    for (std::size_t i = begin; i<end; i = tokens_[i].mate> i ? tokens_[i].mate + 1 : i + 1) {
      if ((tokens_[i].is(".") || tokens_[i].is("?.")) && i + 1 < end) last = i;
    }
    if (last == begin) return "";
    name = tokens_[last + 1].text;
    const bool called = tokens_[last + 2].is("(") && last + 2 < end;
    if (!called) return name == "length" || name == "byteLength" ? "integer" : "";
    static constexpr std::array<std::string_view, 15> kText{
        "toString",         "toUpperCase",
        "toLowerCase",      "trim",
        "toFixed",          "join",
        "toISOString",      "substring",
        "replace",          "repeat",
        "padStart",         "replaceAll",
        "toLocaleString",   "toLocaleDateString",
        "transformToString"};
    static constexpr std::array<std::string_view, 6> kTruth{"includes", "startsWith", "endsWith",
                                                            "some",     "every",      "has"};
    static constexpr std::array<std::string_view, 6> kLists{"map",     "filter", "sort",
                                                            "reverse", "concat", "flat"};
    if (in(kText, name)) return "string";
    if (in(kTruth, name)) return "boolean";
    if (in(kLists, name)) return "array";
    if (name == "split" || (name == "keys" && tokens_[begin].is_name("Object"))) return "strings";
    return name == "indexOf" || name == "getTime" ? "integer" : "";
  }

  // event.a.b
  Shape of_path(std::size_t begin, std::size_t end) const {
    const auto found = slots_.find(tokens_[begin].text);
    if (found == slots_.end()) return {};
    const JavascriptSlot* slot = found->second;
    std::size_t i = begin + 1;
    while (i + 1 < end && (tokens_[i].is(".") || tokens_[i].is("?."))) {
      slot = slot == nullptr ? nullptr : slot->find(tokens_[i + 1].text);
      i += 2;
    }
    return i == end && slot != nullptr ? of_slot(*slot) : Shape{};
  }

  static Shape of_slot(const JavascriptSlot& slot) {
    Json schema = slot.schema();
    schema.erase("default");
    schema.erase("examples");
    return {std::move(schema)};
  }

  // The function's own code, with what it is called with.
  Shape of_own_function(const std::string& name, std::size_t open,
                        const JavascriptFunction& function) {
    const auto called = find_function(tokens_, name);
    if (!called || called->body == function.body) return {};
    std::map<std::string, std::pair<std::size_t, std::size_t>, std::less<>> arguments;
    std::size_t at = open + 1;
    const std::size_t close = tokens_[open].mate;
    for (std::size_t i = called->parameters; i < called->parameters_end; ++i) {
      if (tokens_[i].kind != Kind::kName || at >= close) break;
      const std::size_t end = member_end(at, close);
      arguments[tokens_[i].text] = {at, end};
      at = end + 1;
      i = member_end(i, called->parameters_end);
    }
    const auto outer = std::exchange(arguments_, std::move(arguments));
    const JavascriptFunction* outer_function = std::exchange(caller_, &function);
    Shape shape = of_function(*called);
    arguments_ = outer;
    caller_ = outer_function;
    return shape;
  }

  int status_of(const std::string& name) const {
    const auto found = arguments_.find(name);
    if (found == arguments_.end()) return 0;
    const auto literal = literal_at(tokens_, found->second.first, found->second.second);
    return literal && literal->is_number_integer() ? static_cast<int>(literal->get<std::int64_t>())
                                                   : 0;
  }

  Shape of_name(const std::string& name, std::size_t used, const JavascriptFunction& function) {
    if (const auto found = arguments_.find(name); found != arguments_.end() && caller_ != nullptr) {
      const auto [begin, end] = found->second;
      const auto inner = std::exchange(arguments_, {});
      Shape shape = evaluate(begin, end, *caller_);
      arguments_ = inner;
      return shape;
    }
    if (const auto slot = slots_.find(name); slot != slots_.end()) return of_slot(*slot->second);
    return of_variable(name, used, function);
  }

  // const name = …; name.member = …;
  Shape of_variable(const std::string& name, std::size_t used, const JavascriptFunction& function) {
    Shape shape;
    bool found = false;
    for (std::size_t i = function.begin; i < used; ++i) {
      if (!tokens_[i].is_name(name) || (i > 0 && tokens_[i - 1].is("."))) continue;
      if (tokens_[i + 1].is("=")) {
        const std::size_t end = expression_end(tokens_, i + 2, function.body_end);
        const bool itself = end >= used;
        Shape one = itself ? Shape{} : evaluate(i + 2, end, function);
        if (!found || shape.nothing || shape.schema.empty()) {
          shape = std::move(one);
        } else if (!one.nothing) {
          shape.schema = either_schema(shape.schema, one.schema);
        }
        found = true;
      } else if (found && tokens_[i + 1].is(".") && tokens_[i + 3].is("=") &&
                 json::string_or(shape.schema, "type") == "object") {
        const std::size_t end = expression_end(tokens_, i + 4, function.body_end);
        shape.schema["properties"][tokens_[i + 2].text] = evaluate(i + 4, end, function).schema;
      }
    }
    return shape;
  }

  const Tokens& tokens_;
  const JavascriptSlots& slots_;
  std::vector<std::string>& errors_;
  std::map<std::string, std::pair<std::size_t, std::size_t>, std::less<>> arguments_;
  const JavascriptFunction* caller_ = nullptr;
  int depth_ = 0;
  int steps_ = 0;
};

}  // namespace

Json javascript_output(const Tokens& tokens, const JavascriptFunction& function,
                       const JavascriptSlots& slots, std::vector<std::string>& errors) {
  return Output(tokens, slots, errors).of_function(function).schema;
}

}  // namespace ae::repository::internal
