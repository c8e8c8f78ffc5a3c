#include "plan/query.h"

#include <fmt/format.h>

#include "base/text.h"
#include "plan/internal/reader.h"
#include "plan/lexicon.h"

namespace ae::plan {
namespace {

void mark_content(Query& query) {
  for (std::size_t i = 0; i < query.tokens.size(); ++i) {
    Token& token = query.tokens[i];
    const bool word = token.kind == TokenKind::kWord || token.kind == TokenKind::kMixed;
    const bool value = token.slot != kNone && !query.slots[token.slot].weak;
    token.content = word && !value && !token.framing && !is_function_word(token.lower) &&
                    token.lower.size() > 1;
    if (token.content && token.clause != kNone) query.clauses[token.clause].tokens.push_back(i);
  }
}

}  // namespace

std::string_view to_string(SlotKind kind) {
  switch (kind) {
    case SlotKind::kQuoted:
      return "quoted";
    case SlotKind::kName:
      return "name";
    case SlotKind::kEmail:
      return "email";
    case SlotKind::kUrl:
      return "url";
    case SlotKind::kPhone:
      return "phone";
    case SlotKind::kCode:
      return "code";
    case SlotKind::kDate:
      return "date";
    case SlotKind::kTime:
      return "time";
    case SlotKind::kDuration:
      return "duration";
    case SlotKind::kSize:
      return "size";
    case SlotKind::kMoney:
      return "money";
    case SlotKind::kQuantity:
      return "quantity";
    case SlotKind::kNumber:
      return "number";
    case SlotKind::kFile:
      return "file";
    case SlotKind::kWord:
      return "word";
  }
  return "word";
}

Result<Query> read_query(std::string_view text, std::span<const Attachment> files) {
  if (text.size() > kMaxQueryBytes) {
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("the query has {} bytes, the limit is {}; say it shorter, or split it "
                            "into several workflows",
                            text.size(), kMaxQueryBytes));
  }
  if (!is_utf8(text)) {
    return fail(ErrorCode::kInvalidArgument, "the query is not UTF-8 text; encode it as UTF-8");
  }
  if (trim(text).empty()) {
    return fail(ErrorCode::kInvalidArgument, "the query is empty; say in a sentence what to do");
  }
  if (files.size() > kMaxAttachments) {
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("{} files are attached, at most {} can be; put them into one archive, "
                            "or plan for each of them",
                            files.size(), kMaxAttachments));
  }
  Query query;
  query.text = std::string(text);
  query.files.assign(files.begin(), files.end());
  internal::tokenize(query);
  internal::find_formal_slots(query);
  internal::find_names(query);
  internal::find_clauses(query);
  internal::finish_slots(query);
  internal::place_files(query);
  mark_content(query);
  internal::find_results_spoken_of(query);
  return query;
}

}  // namespace ae::plan
