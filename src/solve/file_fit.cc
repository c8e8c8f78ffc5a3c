// Which part of an attached file a parameter asks for: the bucket and key where it lies, a URL, its
// name or its type.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "json/schema.h"
#include "plan/lexicon.h"
#include "solve/internal/problem.h"

namespace ae::solve::internal {
namespace {

using plan::Attachment;
using retrieve::Field;

double both(double a, double b) { return 1 - (1 - a) * (1 - b); }

template <std::size_t N>
bool any_of(const std::vector<std::string>& stems, const std::array<std::string_view, N>& list) {
  return std::ranges::any_of(
      stems, [&](const std::string& stem) { return std::ranges::find(list, stem) != list.end(); });
}

// What a step makes of the file must not take the file's own place.
constexpr std::string_view kResults = "results/";

class FileFitter {
 public:
  FileFitter(const Mention& mention, const Attachment& file, const retrieve::FunctionIndex& index,
             std::uint32_t field, std::vector<Fit>& out)
      : mention_(mention),
        file_(file),
        index_(index),
        field_(index.fields()[field]),
        function_(index.functions()[field_.function]),
        named_(plan::content_stems(field_.name)),
        out_(out) {}

  void run() {
    if ((field_.types & retrieve::kStringType) == 0 || !field_.choices.empty()) return;
    if (speaks_of_type()) return add(0.75, "type", file_.content_type, "the attached file's type");
    if (is_content()) return;
    if (has(named_, "bucket") || has(field_.heads, "bucket")) {
      return add(writes() ? 0.75 : 0.9, "bucket", file_.bucket, "the attached file's bucket");
    }
    if (has(named_, "key") || (has(field_.heads, "key") && about_objects())) return fit_key();
    const bool typed = json::find(*field_.schema, "contentMediaType") != nullptr;
    if (!typed && field_.free_text) return;
    fit_reference();
  }

 private:
  static bool has(const std::vector<std::string>& stems, std::string_view stem) {
    return std::ranges::find(stems, stem) != stems.end();
  }
  bool speaks(std::string_view stem) const { return has(field_.stems, stem); }

  void add(double score, const char* part, const std::string& value, const char* reason) {
    score *= family_factor(score) * (mention_.expected ? 1 : 0.55);
    if (value.empty() || score < 0.2) return;
    if (!json::validate(*field_.schema, Json(value)).empty()) return;
    // "the logo" for the parameter that speaks of a logo.
    for (const std::string& head : mention_.slot.heads) {
      if (speaks(head)) score = both(score, 0.3);
    }
    out_.push_back({static_cast<std::uint32_t>(mention_.index),
                    static_cast<float>(std::min(score, 1.0)), part, Json(value), reason});
  }

  // A PDF is no picture: the field, else its function, says what sort of file it wants.
  double family_factor(double score) const {
    const std::string_view own = plan::family_of(file_);
    std::string_view wanted = family_in(field_.stems);
    if (const std::string type = json::string_or(*field_.schema, "contentMediaType");
        !type.empty()) {
      Attachment typed;
      typed.content_type = type;
      wanted = plan::family_of(typed);
    }
    const bool of_field = !wanted.empty();
    if (!of_field) wanted = family_in(function_.head);
    if (own.empty() || wanted.empty()) return 1;
    if (own != wanted) return of_field ? 0.25 : 0.6;
    return both(score, 0.2) / score;
  }
  static std::string_view family_in(const std::vector<std::string>& stems) {
    for (const std::string& stem : stems) {
      if (const std::string_view family = plan::family_named(stem); !family.empty()) return family;
    }
    return {};
  }

  bool speaks_of_type() const {
    return (speaks("mime") || speaks("content") || speaks("media")) && speaks("type");
  }

  // The bytes themselves come from a step that reads them.
  bool is_content() const {
    static constexpr std::array<std::string_view, 8> kContent = {
        "base64", "byte", "data", "binari", "pixel", "content", "blob", "base"};
    return json::find(*field_.schema, "contentEncoding") != nullptr ||
           any_of(field_.stems, kContent);
  }

  bool has_bucket_beside() const {
    return std::ranges::any_of(function_.inputs, [&](std::uint32_t input) {
      return has(index_.fields()[input].stems, "bucket");
    });
  }
  bool about_objects() const {
    static constexpr std::array<std::string_view, 7> kObjects = {"s3",   "object", "file", "bucket",
                                                                 "path", "upload", "store"};
    return has_bucket_beside() || any_of(field_.stems, kObjects) ||
           !family_in(field_.stems).empty();
  }

  // The function puts something there rather than reading it.
  bool writes() const {
    static constexpr std::array<std::string_view, 7> kWrites = {"upload", "save",    "store", "put",
                                                                "write",  "publish", "copi"};
    static constexpr std::array<std::string_view, 3> kReads = {"get", "read", "download"};
    if (field_.target || has(named_, "output") || has(named_, "result")) return true;
    if (field_.source || any_of(named_, std::array<std::string_view, 1>{"input"})) return false;
    return any_of(function_.actions, kWrites) && !any_of(function_.actions, kReads);
  }

  void fit_key() {
    static constexpr std::array<std::string_view, 12> kOther = {
        "api",  "secret",    "access", "encrypt", "primari", "public",
        "sort", "partition", "privat", "licens",  "keyword", "password"};
    if (any_of(field_.stems, kOther)) return;
    const double score = about_objects() ? 0.9 : 0.4;
    if (writes()) {
      return add(0.8 * score, "new key", std::string(kResults) + file_.key,
                 "beside the attached file, which is not overwritten");
    }
    add(score, "key", file_.key, "the attached file's key");
  }

  // A file as one value: a URL, a path in the bucket, or its name.
  void fit_reference() {
    static constexpr std::array<std::string_view, 10> kReferences = {
        "file", "path", "url", "uri", "link", "object", "attach", "upload", "document", "locat"};
    const bool named = any_of(field_.heads, kReferences) || any_of(named_, kReferences);
    if (!named && family_in(field_.heads).empty() && family_in(named_).empty()) return;
    if (writes()) return;
    const bool only_name = speaks("filenam") || (speaks("file") && speaks("name"));
    const bool web = speaks("http") || speaks("web") || speaks("download") || speaks("presign");
    switch (form()) {
      case Form::kUrl:
        add(0.85, "url", file_.presigned_url, "the attached file's address");
        return;
      case Form::kS3:
        add(0.85, "url", file_.url, "the attached file's address");
        return;
      case Form::kPath:
        if (only_name && !has_bucket_beside()) {
          return add(0.8, "name", file_.filename, "the attached file's name");
        }
        add(0.8, "key", file_.key, "the attached file's key");
        return;
      case Form::kUnknown:
        break;
    }
    if (has_bucket_beside()) return add(0.75, "key", file_.key, "the attached file's key");
    if (only_name) return add(0.7, "name", file_.filename, "the attached file's name");
    const bool address = speaks("url") || speaks("uri") || speaks("link");
    const bool fetch = web || (address && !speaks("s3"));
    add(fetch ? 0.8 : 0.65, "url",
        fetch && !file_.presigned_url.empty() ? file_.presigned_url : file_.url,
        "the attached file's address");
  }

  // What the schema's examples and format say of the value.
  enum class Form { kUnknown, kUrl, kS3, kPath };
  Form form() const {
    for (const std::string& example : field_.examples) {
      if (example.starts_with("s3://")) return Form::kS3;
      if (example.starts_with("http://") || example.starts_with("https://")) return Form::kUrl;
      if (example.find('.') != std::string::npos) return Form::kPath;
    }
    if (field_.format != "uri" && field_.format != "url") return Form::kUnknown;
    return speaks("s3") || file_.presigned_url.empty() ? Form::kS3 : Form::kUrl;
  }

  const Mention& mention_;
  const Attachment& file_;
  const retrieve::FunctionIndex& index_;
  const Field& field_;
  const retrieve::IndexedFunction& function_;
  std::vector<std::string> named_;
  std::vector<Fit>& out_;
};

}  // namespace

void fit_file(const Mention& mention, const Attachment& file, const retrieve::FunctionIndex& index,
              std::uint32_t field, std::vector<Fit>& out) {
  FileFitter(mention, file, index, field, out).run();
}

}  // namespace ae::solve::internal
