#include "objects/internal/xml.h"

#include <expat.h>
#include <fmt/format.h>

#include <memory>
#include <type_traits>
#include <utility>

namespace ae::objects {
namespace {

constexpr std::size_t kMaxDepth = 16;
constexpr std::size_t kMaxElements = 100'000;

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (byte < 0x20) {
      out += fmt::format("&#x{:x};", byte);
    } else {
      out += c;
    }
  }
}

// What expat calls back into.
struct Reading {
  XML_Parser parser;
  XmlElement root;
  std::vector<XmlElement*> path;  // children grow only in the last one, so pointers stay good
  std::size_t elements = 0;
  std::string fault;

  void refuse(std::string why) {
    fault = std::move(why);
    XML_StopParser(parser, XML_FALSE);
  }
};

void begin_element(void* data, const XML_Char* name, const XML_Char** /*attributes*/) {
  auto& reading = *static_cast<Reading*>(data);
  if (reading.path.size() == kMaxDepth || ++reading.elements > kMaxElements) {
    return reading.refuse("it is nested too deep or has too many elements");
  }
  const std::string_view full(name);
  const std::size_t colon = full.rfind(':');
  XmlElement element;
  element.name = colon == std::string_view::npos ? full : full.substr(colon + 1);
  if (reading.path.empty()) {
    reading.root = std::move(element);
    reading.path.push_back(&reading.root);
  } else {
    reading.path.back()->children.push_back(std::move(element));
    reading.path.push_back(&reading.path.back()->children.back());
  }
}

void end_element(void* data, const XML_Char* /*name*/) {
  static_cast<Reading*>(data)->path.pop_back();
}

void add_text(void* data, const XML_Char* text, int size) {
  auto& reading = *static_cast<Reading*>(data);
  if (!reading.path.empty()) reading.path.back()->text.append(text, static_cast<std::size_t>(size));
}

void refuse_doctype(void* data, const XML_Char* /*name*/, const XML_Char* /*system*/,
                    const XML_Char* /*id*/, int /*internal*/) {
  static_cast<Reading*>(data)->refuse("document type declarations are not accepted");
}

}  // namespace

XmlWriter::XmlWriter(std::string_view root, std::string_view ns)
    : text_("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<") {
  text_ += root;
  if (!ns.empty()) text_.append(" xmlns=\"").append(ns).append("\"");
  text_ += '>';
  open_.emplace_back(root);
}

XmlWriter& XmlWriter::open(std::string_view name) {
  text_.append("<").append(name).append(">");
  open_.emplace_back(name);
  return *this;
}

XmlWriter& XmlWriter::close() {
  text_.append("</").append(open_.back()).append(">");
  open_.pop_back();
  return *this;
}

XmlWriter& XmlWriter::element(std::string_view name, std::string_view text) {
  text_.append("<").append(name).append(">");
  append_escaped(text_, text);
  text_.append("</").append(name).append(">");
  return *this;
}

XmlWriter& XmlWriter::element(std::string_view name, std::uint64_t number) {
  return element(name, std::to_string(number));
}

XmlWriter& XmlWriter::raw(std::string_view markup) {
  text_ += markup;
  return *this;
}

std::string XmlWriter::finish() {
  while (!open_.empty()) close();
  return std::move(text_);
}

const XmlElement* XmlElement::child(std::string_view wanted) const {
  for (const XmlElement& each : children) {
    if (each.name == wanted) return &each;
  }
  return nullptr;
}

std::string XmlElement::text_of(std::string_view wanted) const {
  const XmlElement* const found = child(wanted);
  return found == nullptr ? std::string{} : found->text;
}

Result<XmlElement> parse_xml(std::string_view text) {
  const std::unique_ptr<std::remove_pointer_t<XML_Parser>, decltype(&XML_ParserFree)> parser(
      XML_ParserCreate("UTF-8"), &XML_ParserFree);
  if (parser == nullptr) return fail(ErrorCode::kResourceExhausted, "no memory for reading XML");
  Reading reading{.parser = parser.get(), .root = {}, .path = {}, .elements = 0, .fault = {}};
  XML_SetUserData(parser.get(), &reading);
  XML_SetElementHandler(parser.get(), begin_element, end_element);
  XML_SetCharacterDataHandler(parser.get(), add_text);
  XML_SetStartDoctypeDeclHandler(parser.get(), refuse_doctype);
  if (XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE) ==
      XML_STATUS_OK) {
    return std::move(reading.root);
  }
  if (reading.fault.empty()) reading.fault = XML_ErrorString(XML_GetErrorCode(parser.get()));
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("the XML is malformed in line {}: {}",
                          XML_GetCurrentLineNumber(parser.get()), reading.fault));
}

}  // namespace ae::objects
