// XML, as much as S3 needs: a writer, and a reader of small documents (libexpat).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ae::objects {

// Appends elements to a document; text is escaped. Characters that XML 1.0 cannot hold are written
// as references, as S3 does: whoever may meet them asks for encoding-type=url.
class XmlWriter final {
 public:
  // `root` gets S3's namespace unless `ns` says otherwise ("": none).
  explicit XmlWriter(std::string_view root,
                     std::string_view ns = "http://s3.amazonaws.com/doc/2006-03-01/");

  XmlWriter& open(std::string_view name);
  XmlWriter& close();
  XmlWriter& element(std::string_view name, std::string_view text);
  XmlWriter& element(std::string_view name, std::uint64_t number);
  // Between `open` and `close`, as it is.
  XmlWriter& raw(std::string_view markup);

  std::string finish();  // closes what is open

 private:
  std::string text_;
  std::vector<std::string> open_;
};

struct XmlElement {
  std::string name;  // without its namespace's prefix
  std::string text;  // its own, with what stands between its children
  std::vector<XmlElement> children;

  const XmlElement* child(std::string_view wanted) const;
  std::string text_of(std::string_view wanted) const;  // "" without that child
};

// Errors: kInvalidArgument for what is not well-formed, holds a DTD (and so entities that grow),
// is nested deeper than 16 or has more than 100,000 elements.
Result<XmlElement> parse_xml(std::string_view text);

}  // namespace ae::objects
