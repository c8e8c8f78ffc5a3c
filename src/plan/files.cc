// Attached files: what sort of thing each is, and which words of the query speak of it.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "plan/internal/reader.h"
#include "plan/lexicon.h"

namespace ae::plan {
namespace {

struct Family {
  std::string_view name;
  std::string_view types;    // parts of content types
  std::string_view endings;  // of file names
  std::string_view nouns;    // stems that speak of such files
};

constexpr std::array<Family, 9> kFamilies = {{
    {"image", "image/", "jpg jpeg png gif webp bmp tif tiff svg heic avif",
     "imag photo photograph pictur pic img thumbnail logo icon screenshot jpg jpeg png gif webp"},
    {"pdf", "application/pdf", "pdf", "pdf"},
    {"csv", "text/csv spreadsheet excel", "csv tsv xlsx xls ods", "csv tabl spreadsheet xlsx"},
    {"json", "json", "json jsonl ndjson", "json"},
    {"audio", "audio/", "mp3 wav ogg flac m4a aac", "audio song record podcast mp3 wav"},
    {"video", "video/", "mp4 mov avi mkv webm", "video film movi clip mp4"},
    {"archive", "zip x-tar gzip", "zip tar gz tgz 7z", "archiv zip"},
    {"document", "msword officedocument.word opendocument.text", "doc docx odt rtf", "docx odt"},
    {"text", "text/", "txt md html htm xml yaml yml log", "txt markdown html"},
}};

bool has_word(std::string_view list, std::string_view word) {
  return !word.empty() &&
         std::ranges::any_of(split(list, ' '), [&](std::string_view one) { return one == word; });
}

std::string_view last_part(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);  // npos + 1 is 0
}

std::string name_of(const Attachment& file) {
  return to_lower(last_part(file.filename.empty() ? file.key : file.filename));
}

// 0 for "first", 1 for "second" …; kNone for other words.
std::size_t ordinal(std::string_view word) {
  static constexpr std::array<std::string_view, 8> kWords = {
      "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"};
  const auto at = std::ranges::find(kWords, word);
  return at == kWords.end() ? kNone : static_cast<std::size_t>(at - kWords.begin());
}

class FilePlacer {
 public:
  explicit FilePlacer(Query& query) : query_(query), placed_(query.files.size(), false) {}

  void run() {
    for (std::size_t file = 0; file < query_.files.size(); ++file) place_at_name(file);
    for (std::size_t token = 0; token < query_.tokens.size(); ++token) place_at_noun(token);
    for (std::size_t file = 0; file < query_.files.size(); ++file) {
      if (!placed_[file]) place(file, kNone);
    }
  }

 private:
  // "photo.jpg" in the text: that slot becomes the file's.
  void place_at_name(std::size_t file) {
    const std::string name = name_of(query_.files[file]);
    if (name.empty()) return;
    for (Slot& slot : query_.slots) {
      if (slot.kind == SlotKind::kFile || to_lower(last_part(slot.text)) != name) continue;
      slot.kind = SlotKind::kFile;
      slot.file = file;
      slot.weak = false;
      slot.value = query_.files[file].url;
      slot.number = nullptr;
      placed_[file] = true;
      return;
    }
  }

  // "the image", "the second photo", "a file": the noun stays a word of the request.
  void place_at_noun(std::size_t at) {
    const Token& token = query_.tokens[at];
    const bool value = token.slot != kNone && !query_.slots[token.slot].weak;
    if (token.kind != TokenKind::kWord || value || token.framing) return;
    const std::string_view family = family_named(token.stem);
    const bool any = token.stem == "file" || token.stem == "attach" || token.stem == "upload" ||
                     token.stem == "document";
    if (family.empty() && !any) return;
    // "the resized image" is another one.
    if (at > 0 && query_.tokens[at - 1].lower.ends_with("ed") &&
        query_.tokens[at - 1].stem != "attach" && query_.tokens[at - 1].stem != "upload") {
      return;
    }
    const std::size_t wanted = at > 0 ? ordinal(query_.tokens[at - 1].lower) : kNone;
    std::size_t nth = 0;
    for (std::size_t file = 0; file < query_.files.size(); ++file) {
      if (!family.empty() && family_of(query_.files[file]) != family) continue;
      if (placed_[file] ? wanted == kNone : false) continue;
      if (wanted != kNone && nth++ != wanted) continue;
      if (!placed_[file]) place(file, at);
      return;
    }
  }

  void place(std::size_t file, std::size_t at) {
    Slot slot;
    slot.kind = SlotKind::kFile;
    slot.file = file;
    slot.text = query_.files[file].filename;
    slot.value = query_.files[file].url;
    slot.clause = kNone;
    if (at != kNone) {
      slot.span = query_.tokens[at].span;
      slot.clause = query_.tokens[at].clause;
      slot.first_token = at;
      slot.last_token = at;  // no token of its own: the noun says what is wanted, too
      if (at > 0 && query_.tokens[at - 1].content) slot.heads.push_back(query_.tokens[at - 1].stem);
    }
    placed_[file] = true;
    query_.slots.push_back(std::move(slot));
  }

  Query& query_;
  std::vector<bool> placed_;
};

}  // namespace

std::string_view family_of(const Attachment& file) {
  const std::string type = to_lower(file.content_type);
  const std::string name = name_of(file);
  const std::size_t dot = name.find_last_of('.');
  const std::string_view ending =
      dot == std::string::npos ? std::string_view() : std::string_view(name).substr(dot + 1);
  for (const Family& family : kFamilies) {
    for (const std::string_view part : split(family.types, ' ')) {
      if (!type.empty() && type.find(part) != std::string::npos &&
          !(family.name == "text" && !ending.empty() && ending != "txt"))
        return family.name;
    }
  }
  for (const Family& family : kFamilies) {
    if (has_word(family.endings, ending)) return family.name;
  }
  return type.starts_with("text/") ? "text" : "";
}

std::string_view family_named(std::string_view stem) {
  for (const Family& family : kFamilies) {
    if (has_word(family.nouns, stem)) return family.name;
  }
  return {};
}

namespace internal {

void place_files(Query& query) { FilePlacer(query).run(); }

}  // namespace internal
}  // namespace ae::plan
