#include "gateway/internal/upload.h"

#include <fmt/format.h>

#include "base/text.h"

namespace ae::gateway {
namespace {

constexpr std::size_t kMaxParts = 100;

// Of `name="value"` or `name=value` in a header; "" when it is not there.
std::string header_parameter(std::string_view header, std::string_view name) {
  std::size_t at = header.find(';');
  while (at != std::string_view::npos) {
    std::string_view rest = trim(header.substr(at + 1));
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return "";
    const bool wanted = to_lower(trim(rest.substr(0, equals))) == name;
    std::string_view value = trim(rest.substr(equals + 1));
    std::string text;
    std::size_t end = 0;
    if (value.starts_with('"')) {
      for (end = 1; end < value.size() && value[end] != '"'; ++end) {
        if (value[end] == '\\' && end + 1 < value.size()) ++end;
        text += value[end];
      }
      if (end < value.size()) ++end;
    } else {
      end = std::min(value.find(';'), value.size());
      text = trim(value.substr(0, end));
    }
    if (wanted) return text;
    const auto consumed = static_cast<std::size_t>(value.data() - header.data()) + end;
    at = header.find(';', consumed);
  }
  return "";
}

// The file's own name: browsers of old sent folders, with either slash.
std::string base_name(const std::string& name) {
  const std::size_t slash = name.find_last_of("/\\");
  return slash == std::string::npos ? name : name.substr(slash + 1);
}

}  // namespace

bool is_upload_type(std::string_view media_type) {
  return media_type == "application/zip" || media_type == "application/x-zip-compressed" ||
         media_type == "multipart/form-data";
}

Result<std::vector<UploadedFile>> read_multipart(std::string_view content_type,
                                                 std::string_view body) {
  const std::string boundary = header_parameter(content_type, "boundary");
  if (boundary.empty() || boundary.size() > 70) {
    return fail(ErrorCode::kInvalidArgument, "the Content-Type of the form names no boundary");
  }
  const std::string mark = "--" + boundary;
  std::vector<UploadedFile> files;
  std::size_t at = body.find(mark);
  for (std::size_t parts = 0; at != std::string_view::npos; ++parts) {
    if (parts == kMaxParts) return fail(ErrorCode::kInvalidArgument, "the form has too many parts");
    std::string_view rest = body.substr(at + mark.size());
    if (rest.starts_with("--")) return files;
    const std::size_t head_end = rest.find("\r\n\r\n");
    if (!rest.starts_with("\r\n") || head_end == std::string_view::npos) break;
    const std::size_t close = rest.find("\r\n" + mark, head_end + 2);
    if (close == std::string_view::npos) break;
    std::string file;
    for (const std::string_view line : split(rest.substr(2, head_end - 2), '\n')) {
      if (!to_lower(line).starts_with("content-disposition:")) continue;
      file = base_name(header_parameter(trim(line), "filename"));
    }
    const std::size_t begin = head_end + 4;
    if (!file.empty()) files.push_back({file, rest.substr(begin, std::max(close, begin) - begin)});
    at += mark.size() + close + 2;
  }
  return fail(ErrorCode::kInvalidArgument,
              "the form is cut off, or its parts are not parted by its boundary");
}

}  // namespace ae::gateway
