#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "json/yaml.h"

namespace ae::cli {
namespace {

bool wants_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0') &&
         terminal != nullptr && std::string_view(terminal) != "dumb";
}

void write_line(std::FILE* stream, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fputc('\n', stream);
  std::fflush(stream);
}

ErrorCode code_of_status(int status) {
  switch (status) {
    case 400:
    case 422:
      return ErrorCode::kInvalidArgument;
    case 403:
      return ErrorCode::kPermissionDenied;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kFailedPrecondition;
    case 413:
    case 429:
      return ErrorCode::kResourceExhausted;
    case 503:
      return ErrorCode::kUnavailable;
    case 504:
      return ErrorCode::kDeadlineExceeded;
    default:
      return ErrorCode::kInternal;
  }
}

// One line a finding: "  /nodes/0/function: no such function. Did you mean playmusic?"
std::string describe_findings(const Json& problem) {
  std::string text;
  const Json* errors = json::find(problem, "errors");
  if (errors == nullptr || !errors->is_array()) return text;
  for (const Json& finding : *errors) {
    const std::string pointer = json::string_or(finding, "pointer");
    const std::string fix = json::string_or(finding, "fix");
    text += fmt::format("\n  {}{}{}", pointer.empty() ? "" : pointer + ": ",
                        json::string_or(finding, "message"), fix.empty() ? "" : " — " + fix);
  }
  return text;
}

}  // namespace

Output::Output(Format format) : format_(format), colour_(wants_colour()) {}

std::string Output::paint(std::string_view code, std::string_view text) const {
  if (!colour_) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void Output::line(std::string_view text) const { write_line(stdout, text); }
void Output::note(std::string_view text) const { write_line(stderr, text); }

void Output::document(const Json& value) const {
  const std::string text =
      format_ == Format::kYaml ? json::dump_yaml(value) : json::dump_pretty(value);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Output::heading(std::string_view text) const {
  line();
  line(bold(text));
}

void Output::table(const std::vector<std::string>& header,
                   const std::vector<std::vector<std::string>>& rows) const {
  std::vector<std::size_t> widths;
  for (const std::string& cell : header) widths.push_back(display_width(cell));
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  const auto print = [&](const std::vector<std::string>& cells, bool head) {
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      text += head ? bold(cells[i]) : cells[i];
      if (i + 1 < cells.size()) text.append(widths[i] - display_width(cells[i]) + 2, ' ');
    }
    line(text);
  };
  print(header, true);
  for (const auto& row : rows) print(row, false);
}

void Output::error(const Error& error) const {
  const bool terminal = ::isatty(STDERR_FILENO) == 1 && colour_;
  write_line(stderr, fmt::format("{}{}", terminal ? "\x1b[31;1merror:\x1b[0m " : "error: ",
                                 printable(error.describe())));
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      while (i < text.size() && text[i] != 'm') ++i;
    } else if ((static_cast<std::uint8_t>(text[i]) & 0xc0U) != 0x80) {
      ++width;
    }
  }
  return width;
}

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(text[i]);
    // C1 controls arrive as the two bytes C2 80..9F.
    const bool c1 = byte == 0xc2 && i + 1 < text.size() &&
                    static_cast<std::uint8_t>(text[i + 1]) >= 0x80 &&
                    static_cast<std::uint8_t>(text[i + 1]) < 0xa0;
    if (c1) {
      result += "\xef\xbf\xbd";  // U+FFFD
      ++i;
    } else if ((byte < 0x20 && text[i] != '\n' && text[i] != '\t') || byte == 0x7f) {
      result += "\xef\xbf\xbd";
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string bare(const Json& outputs) {
  const Json* value = &outputs;
  if (outputs.is_object() && outputs.size() == 1 && !outputs.front().is_structured()) {
    value = &outputs.front();
  }
  if (value->is_string()) return printable(value->get<std::string>());
  return printable(trim(json::dump_pretty(*value)));
}

Result<Json> body_of(const net::Response& response) {
  if (response.body.empty()) {
    if (response.status < 400) return Json(nullptr);
    return fail(code_of_status(response.status),
                fmt::format("the server answered {} {}", response.status,
                            net::reason_phrase(response.status)));
  }
  auto document = json::parse(response.body, {.max_bytes = 64UL << 20U});
  if (response.status < 400) return document;
  if (!document) {
    return fail(
        code_of_status(response.status),
        fmt::format("the server answered {} {}", response.status, shorten(response.body, 200)));
  }
  const std::string detail =
      json::string_or(*document, "detail", json::string_or(*document, "title", "refused"));
  return fail(code_of_status(response.status), detail + describe_findings(*document));
}

}  // namespace ae::cli
