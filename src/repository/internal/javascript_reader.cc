#include "repository/internal/javascript_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "repository/internal/javascript_functions.h"

namespace ae::repository::internal {
namespace {

using Kind = JavascriptToken::Kind;
using Slot = JavascriptSlot;
using Tokens = std::vector<JavascriptToken>;

constexpr std::array<std::string_view, 12> kProxyMembers{
    "body",           "headers",         "httpMethod",     "path",     "queryStringParameters",
    "pathParameters", "isBase64Encoded", "requestContext", "resource", "rawPath",
    "rawQueryString", "version"};
constexpr std::array<std::string_view, 15> kStringMethods{
    "toUpperCase", "toLowerCase", "trim",       "split",    "replace",
    "replaceAll",  "startsWith",  "endsWith",   "padStart", "padEnd",
    "charAt",      "normalize",   "charCodeAt", "match",    "localeCompare"};
constexpr std::array<std::string_view, 14> kListMethods{
    "map",  "forEach", "filter", "reduce",    "some", "every", "flatMap",
    "find", "join",    "push",   "findIndex", "sort", "flat",  "entries"};

template <class List>
bool in(const List& list, std::string_view text) {
  return std::ranges::find(list, text) != list.end();
}

class Reader final {
 public:
  Reader(const JavascriptCode& code, const JavascriptFunction& function)
      : tokens_(code.tokens), function_(function) {}

  Inference read() {
    read_parameter();
    for (std::size_t i = function_.body; i < function_.body_end; ++i) step(i);
    Inference result;
    result.output = javascript_output(tokens_, function_, slots_, result.errors);
    for (std::string& error : errors_) {
      if (!in(result.errors, error) && error != "Error") result.errors.push_back(std::move(error));
    }
    read_event(result);
    return result;
  }

  Slot& event() { return event_; }

 private:
  struct Path {
    Slot* slot = nullptr;
    std::size_t end = 0;
    bool chained = false;  // "?.": its holder may be missing
  };

  void read_parameter() {
    const std::size_t at = function_.parameters;
    if (at >= function_.parameters_end) return;
    if (tokens_[at].is("{") && tokens_[at].mate != 0) {
      read_pattern(at, event_, true);
    } else if (tokens_[at].kind == Kind::kName) {
      slots_[tokens_[at].text] = &event_;
    }
  }

  // { a, b = 1, c: renamed, d: { e }, ...rest }
  void read_pattern(std::size_t open, Slot& holder, bool always) {
    const std::size_t close = tokens_[open].mate;
    for (std::size_t i = open + 1; i < close; ++i) {
      if (tokens_[i].is(",")) continue;
      if (tokens_[i].is("...")) {
        ++i;
        continue;
      }
      if (tokens_[i].kind != Kind::kName && tokens_[i].kind != Kind::kString) break;
      const std::string name = tokens_[i].text;
      Slot* slot = holder.member(name);
      std::size_t next = i + 1;
      if (tokens_[next].is(":")) {
        ++next;
        if (tokens_[next].is("{") && tokens_[next].mate > next) {
          const std::size_t inner_close = tokens_[next].mate;
          read_pattern(next, *slot, always && !tokens_[inner_close + 1].is("="));
          next = inner_close + 1;
        } else {
          slots_[tokens_[next].text] = slot;
          ++next;
        }
      } else {
        slots_[name] = slot;
      }
      if (tokens_[next].is("=")) {
        const std::size_t end = expression_end(tokens_, next + 1, close);
        note_default(*slot, next + 1, end);
        next = end;
      } else if (always && depth_ == 0) {
        slot->required = true;
      }
      i = next;
    }
  }

  void note_default(Slot& slot, std::size_t at, std::size_t end) {
    slot.optional = true;
    const auto literal = literal_at(tokens_, at, end);
    if (!literal || literal->is_null()) return;
    slot.types.insert(std::string(json::type_name(*literal)));
    if (!slot.default_value && !literal->empty()) slot.default_value = *literal;
  }

  // event.a?.b["c"]
  Path path_at(std::size_t at) const {
    const auto found = slots_.find(tokens_[at].text);
    if (tokens_[at].kind != Kind::kName || found == slots_.end()) return {};
    if (at > 0 && (tokens_[at - 1].is(".") || tokens_[at - 1].is("?."))) return {};
    if (tokens_[at + 1].is(":") && (tokens_[at - 1].is("{") || tokens_[at - 1].is(","))) return {};
    Path path{.slot = found->second, .end = at + 1};
    while (true) {
      const JavascriptToken& token = tokens_[path.end];
      const bool dot = token.is(".") || token.is("?.");
      const std::size_t next = dot ? path.end + 1 : path.end;
      if (token.is("?.")) path.chained = true;
      if (tokens_[next].is("[") && (token.is("[") || token.is("?.")) &&
          tokens_[next].mate == next + 2) {
        const JavascriptToken& key = tokens_[next + 1];
        if (key.kind == Kind::kString) {
          path.slot = path.slot->member(key.text);
        } else if (key.kind == Kind::kNumber) {
          if (path.slot->items == nullptr) path.slot->items = std::make_unique<Slot>();
          path.slot = path.slot->items.get();
        } else {
          return path;
        }
        path.end = next + 3;
      } else if (dot && tokens_[next].kind == Kind::kName) {
        const std::string& name = tokens_[next].text;
        if (tokens_[next + 1].is("(") || name == "length") return path;
        path.slot = path.slot->member(name);
        path.end = next + 1;
      } else {
        return path;
      }
    }
  }

  void step(std::size_t i) {
    track_depth(i);
    const JavascriptToken& token = tokens_[i];
    if (token.is_name("const") || token.is_name("let") || token.is_name("var")) {
      read_declaration(i + 1);
    } else if (token.is_name("if") && tokens_[i + 1].is("(")) {
      read_condition(i + 1);
    } else if (token.is_name("throw")) {
      read_throw(i + 1);
    } else if (token.is_name("for") && tokens_[i + 1].is("(")) {
      read_loop(i + 2);
    } else if (token.kind == Kind::kString && tokens_[i + 1].is_name("in")) {
      if (const Path path = path_at(i + 2); path.slot != nullptr) {
        path.slot->member(token.text)->optional = true;
      }
    } else if (const Path path = path_at(i); path.slot != nullptr) {
      read_use(i, path);
    }
  }

  // How many blocks that may not run are open at this token.
  void track_depth(std::size_t i) {
    while (!ends_.empty() && i >= ends_.back()) {
      ends_.pop_back();
      --depth_;
    }
    if (!tokens_[i].is("{") || tokens_[i].mate <= i || i == 0) return;
    const JavascriptToken& before = tokens_[i - 1];
    bool conditional = before.is("=>") || before.is_name("else") || before.is_name("do");
    if (before.is(")") && before.mate > 0) {
      const JavascriptToken& keyword = tokens_[before.mate - 1];
      conditional = keyword.kind == Kind::kName;  // if, for, while, catch, function f
    }
    if (!conditional) return;
    ends_.push_back(tokens_[i].mate);
    ++depth_;
  }

  // const name = <part of the event>, const {…} = <part of the event>
  void read_declaration(std::size_t at) {
    const bool pattern = tokens_[at].is("{") && tokens_[at].mate > at;
    std::size_t equals = pattern ? tokens_[at].mate + 1 : at + 1;
    if (!tokens_[equals].is("=")) return;
    const std::size_t begin = equals + 1;
    const std::size_t end = expression_end(tokens_, begin, function_.body_end);
    Slot* slot = part_of_event(begin, end);
    if (slot == nullptr) return;
    if (pattern) {
      read_pattern(at, *slot, true);
    } else {
      slots_[tokens_[at].text] = slot;
    }
  }

  // The slot that an initialiser stands for: a path, JSON.parse(path), Number(path), path || x,
  // event.body ? JSON.parse(event.body) : event
  Slot* part_of_event(std::size_t begin, std::size_t end) {
    Slot* parsed = nullptr;
    Slot* first = nullptr;
    bool or_event = false;
    for (std::size_t i = begin; i < end; ++i) {
      const Path path = path_at(i);
      if (path.slot == nullptr) continue;
      const bool in_parse = i >= 4 && tokens_[i - 1].is("(") && tokens_[i - 2].is_name("parse") &&
                            tokens_[i - 4].is_name("JSON");
      if (in_parse) {
        if (path.slot->text == nullptr) path.slot->text = std::make_unique<Slot>();
        parsed = path.slot->text.get();
      } else if (path.slot == &event_ && i > begin && path.end == end &&
                 (tokens_[i - 1].is(":") || tokens_[i - 1].is("??") || tokens_[i - 1].is("||"))) {
        or_event = true;
      } else if (first == nullptr && (i == begin || wrapped(i, begin))) {
        first = path.slot;
        if (!follows_only_default(path.end, end)) first = nullptr;
      }
    }
    if (or_event) {  // a caller may leave the envelope out
      plain_too_ = true;
      return &event_;
    }
    return parsed != nullptr ? parsed : first;
  }

  // Number(x), parseInt(x, 10), String(x), await x
  bool wrapped(std::size_t i, std::size_t begin) const {
    if (tokens_[begin].is_name("await") && i == begin + 1) return true;
    if (i != begin + 2 || !tokens_[begin + 1].is("(")) return false;
    static constexpr std::array<std::string_view, 5> kConversions{
        "Number", "parseInt", "parseFloat", "String", "Boolean"};
    return in(kConversions, tokens_[begin].text);
  }

  bool follows_only_default(std::size_t at, std::size_t end) const {
    if (at >= end || tokens_[at].is(",") || tokens_[at].is(")")) return true;
    return tokens_[at].is("??") || tokens_[at].is("||");
  }

  // if (!event.x) throw …: then it must be there. if (event.x): somebody looks first.
  void read_condition(std::size_t open) {
    const std::size_t close = tokens_[open].mate;
    if (close <= open) return;
    std::size_t body = close + 1;
    std::size_t body_end = body + 60;
    if (tokens_[body].is("{") && tokens_[body].mate > body) {
      body_end = tokens_[body].mate;
      ++body;
    } else {
      body_end = expression_end(tokens_, body, std::min(body_end, function_.body_end));
    }
    const bool refuses = refuses_between(body, std::min(body_end, function_.body_end));
    for (std::size_t i = open + 1; i < close; ++i) {
      const Path path = path_at(i);
      if (path.slot == nullptr || path.slot == &event_) continue;
      const bool negated = tokens_[i - 1].is("!");
      const bool compared = tokens_[path.end].is("==") || tokens_[path.end].is("===");
      const bool absent = negated || (compared && (tokens_[path.end + 1].is_name("undefined") ||
                                                   tokens_[path.end + 1].is_name("null")));
      if (refuses && absent) {
        path.slot->required = depth_ == 0;
      } else if (!refuses && tokens_[path.end].is(")")) {
        tested_.insert(path.slot);
      }
    }
  }

  bool refuses_between(std::size_t begin, std::size_t end) const {
    bool returns = false;
    for (std::size_t i = begin; i < end; ++i) {
      if (tokens_[i].is_name("throw")) return true;
      if (tokens_[i].is_name("return")) returns = true;
      const bool failure = tokens_[i].kind == Kind::kNumber && tokens_[i].text.size() == 3 &&
                           (tokens_[i].text[0] == '4' || tokens_[i].text[0] == '5');
      if (returns &&
          (failure || tokens_[i].is_name("error") || tokens_[i].is_name("errorMessage"))) {
        return true;
      }
    }
    return false;
  }

  void read_throw(std::size_t at) {
    if (!tokens_[at].is_name("new") || tokens_[at + 1].kind != Kind::kName) return;
    if (!in(errors_, tokens_[at + 1].text) && errors_.size() < 20) {
      errors_.push_back(tokens_[at + 1].text);
    }
  }

  // for (const item of event.items)
  void read_loop(std::size_t at) {
    if (!tokens_[at + 2].is_name("of")) return;
    const Path path = path_at(at + 3);
    if (path.slot == nullptr) return;
    if (path.slot->items == nullptr) path.slot->items = std::make_unique<Slot>();
    slots_[tokens_[at + 1].text] = path.slot->items.get();
  }

  void read_use(std::size_t begin, const Path& path) {
    Slot& slot = *path.slot;
    const JavascriptToken& before = tokens_[begin - 1];
    const JavascriptToken& after = tokens_[path.end];
    if (path.slot != &event_) note_presence(path, before);
    if (after.is("??") || after.is("||")) {
      note_default(slot, path.end + 1, default_end(path.end + 1));
    } else if (after.is(".") || after.is("?.")) {
      note_method(slot, path.end + 1);
    } else if (after.is("===") || after.is("==") || after.is("!==") || after.is("!=")) {
      note_comparison(slot, begin, path.end + 1);
    }
    note_argument(slot, begin);
    note_arithmetic(slot, before, after, path.end);
  }

  // Of "event.a || 5 * x" the literal alone.
  std::size_t default_end(std::size_t at) const {
    const std::size_t first = tokens_[at].is("-") ? at + 1 : at;
    const std::size_t end = tokens_[first].mate > first ? tokens_[first].mate + 1 : first + 1;
    const JavascriptToken& next = tokens_[end];
    return next.is(")") || next.is(";") || next.is(",") || next.is("}") || next.is("]") ||
                   next.line > tokens_[end - 1].line
               ? end
               : at;
  }

  void note_presence(const Path& path, const JavascriptToken& before) {
    const JavascriptToken& after = tokens_[path.end];
    const bool looks = path.chained || before.is("!") || after.is("?") || after.is("&&") ||
                       after.is("??") || after.is("||") || before.is_name("typeof") ||
                       tested_.contains(path.slot);
    if (path.chained || after.is("?")) path.slot->optional = path.slot->optional || path.chained;
    if (!looks && depth_ == 0) path.slot->required = true;
  }

  void note_method(Slot& slot, std::size_t at) {
    const std::string& name = tokens_[at].text;
    if (!tokens_[at + 1].is("(")) return;  // .length: of a text or of a list
    if (in(kStringMethods, name)) slot.types.insert("string");
    if (name == "toFixed") slot.types.insert("number");
    if (!in(kListMethods, name)) return;
    slot.types.insert("array");
    if (slot.items == nullptr) slot.items = std::make_unique<Slot>();
    // items.map((item) => …), items.forEach(({ price }) => …)
    if (name == "join" || name == "push") return;
    const auto callback = function_at(tokens_, at + 2);
    if (!callback) return;
    std::size_t parameter = callback->parameters;
    if (name == "reduce") {  // (sum, item) => …
      while (parameter < callback->parameters_end && !tokens_[parameter].is(",")) ++parameter;
      ++parameter;
    }
    if (parameter >= callback->parameters_end) return;
    if (tokens_[parameter].is("{") && tokens_[parameter].mate > parameter) {
      read_pattern(parameter, *slot.items, true);
    } else if (tokens_[parameter].kind == Kind::kName) {
      slots_[tokens_[parameter].text] = slot.items.get();
    }
  }

  void note_comparison(Slot& slot, std::size_t begin, std::size_t at) {
    const auto literal = literal_at(tokens_, at, at + 1);
    if (!literal) return;
    if (tokens_[begin - 1].is_name("typeof")) {
      if (literal->is_string()) slot.types.insert(literal->get<std::string>());
      slot.types.erase("undefined");
      return;
    }
    if (literal->is_null()) return;
    slot.types.insert(literal->is_number() ? "number" : std::string(json::type_name(*literal)));
    if (literal->is_string() && slot.examples.size() < 10 &&
        !in(slot.examples, literal->get_ref<const std::string&>())) {
      slot.examples.push_back(literal->get<std::string>());
    }
  }

  // Number(x), Math.max(x, …), Buffer.from(x, "base64"), { Bucket: x }
  void note_argument(Slot& slot, std::size_t begin) {
    if (begin < 2) return;
    if (tokens_[begin - 1].is(":")) {
      static constexpr std::array<std::string_view, 9> kTexts{
          "Bucket", "Key",     "TableName", "QueueUrl",    "TopicArn",
          "Prefix", "Subject", "Source",    "FunctionName"};
      if (in(kTexts, tokens_[begin - 2].text)) slot.types.insert("string");
      return;
    }
    if (!tokens_[begin - 1].is("(")) return;
    const std::string& name = tokens_[begin - 2].text;
    if (name == "Number" || name == "parseFloat") slot.types.insert("number");
    if (name == "parseInt") slot.types.insert("integer");
    if (name == "encodeURIComponent" || name == "URL") slot.types.insert("string");
    if (name == "isArray") slot.types.insert("array");
    if (begin >= 4 && tokens_[begin - 4].is_name("Math")) slot.types.insert("number");
    const std::size_t close = tokens_[begin - 1].mate;
    if (name == "from" && close > begin && tokens_[close - 1].kind == Kind::kString &&
        tokens_[close - 1].text == "base64") {
      slot.encoding = "base64";
    }
  }

  static bool is_arithmetic(const JavascriptToken& token) {
    return token.is("*") || token.is("/") || token.is("%") || token.is("-") || token.is("**") ||
           token.is("<") || token.is(">") || token.is("<=") || token.is(">=");
  }

  void note_arithmetic(Slot& slot, const JavascriptToken& before, const JavascriptToken& after,
                       std::size_t end) {
    if (is_arithmetic(before) || is_arithmetic(after)) slot.types.insert("number");
    if (!after.is("+")) return;
    if (tokens_[end + 1].kind == Kind::kNumber) slot.types.insert("number");
    if (tokens_[end + 1].kind == Kind::kString) slot.types.insert("string");
  }

  // The plain form, or what an API Gateway would wrap.
  void read_event(Inference& result) {
    Json schema = Json::object();
    bool own = plain_too_;
    for (const auto& [name, slot] : event_.members) own = own || !in(kProxyMembers, name);
    for (const char* name : {"body", "pathParameters", "queryStringParameters"}) {
      const Slot* slot = event_.find(name);
      if (slot == nullptr) continue;
      const Slot& part = slot->text != nullptr ? *slot->text : *slot;
      if (part.members.empty()) continue;
      const Json inner = part.schema();
      for (const auto& [member, its] : inner["properties"].items()) {
        schema["properties"][member] = its;
      }
      if (const Json* required = json::find(inner, "required")) {
        for (const Json& one : *required) schema["required"].push_back(one);
      }
    }
    if (schema.empty() || own) {
      Json plain = event_.schema();
      if (!schema.empty() || plain_too_) drop_envelope(plain);  // the plain form is enough
      result.input = Json{{"type", "object"}, {"properties", Json::object()}};
      result.input.update(plain);
      if (event_.members.empty() && escapes()) result.input = Json::object();
      return;
    }
    result.input = Json{{"type", "object"}};
    result.input.update(schema);
    result.event = dag::EventFormat::kApiGateway;
  }

  static void drop_envelope(Json& schema) {
    if (!schema.contains("properties")) return;
    for (const std::string_view name : kProxyMembers) {
      schema["properties"].erase(std::string(name));
    }
    const Json* required = json::find(schema, "required");
    if (required == nullptr) return;
    Json kept = Json::array();
    for (const Json& name : *required) {
      if (!in(kProxyMembers, name.get_ref<const std::string&>())) kept.push_back(name);
    }
    schema.erase("required");
    if (!kept.empty()) schema["required"] = std::move(kept);
  }

  // The event as a whole is handed to something that is not seen.
  bool escapes() const {
    for (std::size_t i = function_.body; i < function_.body_end; ++i) {
      const auto found = slots_.find(tokens_[i].text);
      if (tokens_[i].kind == Kind::kName && found != slots_.end() && found->second == &event_ &&
          !tokens_[i - 1].is(".")) {
        return true;
      }
    }
    return false;
  }

  const Tokens& tokens_;
  const JavascriptFunction& function_;
  Slot event_;
  JavascriptSlots slots_;
  std::set<Slot*> tested_;
  std::vector<std::size_t> ends_;
  int depth_ = 0;
  bool plain_too_ = false;  // "event.body ? JSON.parse(event.body) : event"
  std::vector<std::string> errors_;
};

bool says_something(const std::string& text) {
  static constexpr std::array<std::string_view, 8> kEmpty{"lambda", "handler", "function", "the",
                                                          "aws",    "main",    "entry",    "point"};
  return std::ranges::count(text, ' ') > 0 &&
         std::ranges::any_of(identifier_words(text),
                             [](const std::string& word) { return !in(kEmpty, word); });
}

// The text of a comment before its first @tag or empty line.
std::string leading_text(const std::string& comment) {
  std::vector<std::string> words;
  for (const std::string_view line : split(comment, '\n')) {
    if (trim(line).empty() && !words.empty()) break;
    if (trim(line).starts_with('@')) break;
    if (!trim(line).empty()) words.emplace_back(trim(line));
  }
  return shorten(join(words, " "), 500);
}

// @param {number} [event.width=256] - how wide
void read_tags(const std::string& comment, Slot& event) {
  for (std::string_view line : split(comment, '\n')) {
    line = trim(line);
    if (!line.starts_with("@param")) continue;
    line = trim(line.substr(6));
    std::string type;
    if (line.starts_with('{')) {
      const std::size_t close = line.find('}');
      if (close == std::string_view::npos) continue;
      type = line.substr(1, close - 1);
      line = trim(line.substr(close + 1));
    }
    const std::size_t blank = std::min(line.find(' '), line.size());
    std::string_view name = line.substr(0, blank);
    const bool optional = name.starts_with('[');
    if (optional) name.remove_prefix(1);
    name = name.substr(0, name.find_first_of("]="));
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos) continue;
    Slot* slot = event.member(std::string(name.substr(dot + 1)));
    static constexpr std::array<std::string_view, 5> kTypes{"string", "number", "boolean", "array",
                                                            "object"};
    type = to_lower(type);
    if (in(kTypes, type) && slot->types.empty()) slot->types.insert(type);
    if (optional) slot->optional = true;
    std::string_view text = trim(line.substr(blank));
    if (text.starts_with('-')) text = trim(text.substr(1));
    if (!text.empty()) slot->description = text;
  }
}

}  // namespace

Inference read_javascript(std::string_view source, std::string_view handler) {
  const JavascriptCode code = read_tokens(source);
  const auto function = find_function(code.tokens, handler);
  Inference result;
  if (!function) {
    result.failure = fmt::format("no function {} is exported there", shorten(handler, 60));
    return result;
  }
  Reader reader(code, *function);
  const std::size_t line = code.tokens[function->begin].line;
  const JavascriptComment* above = nullptr;
  for (const JavascriptComment& comment : code.comments) {
    if (comment.last_line + 1 == line || comment.last_line == line) above = &comment;
  }
  if (above != nullptr) read_tags(above->text, reader.event());
  result = reader.read();
  std::string text = above == nullptr ? "" : leading_text(above->text);
  if (!says_something(text) && !code.comments.empty() &&
      (code.tokens.front().line > code.comments.front().last_line)) {
    text = leading_text(code.comments.front().text);
  }
  if (says_something(text) && to_lower(text).find("copyright") == std::string::npos &&
      to_lower(text).find("license") == std::string::npos) {
    result.description = std::move(text);
  }
  return result;
}

}  // namespace ae::repository::internal
