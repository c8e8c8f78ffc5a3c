#include "net/internal/request_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ae::net::internal {

RequestParser::RequestParser(Limits limits, const BodyPolicy* policy)
    : limits_(limits),
      policy_(policy != nullptr && *policy ? policy : nullptr),
      max_body_bytes_(limits.max_body_bytes),
      heads_(limits.max_header_bytes) {}

RequestParser::Step RequestParser::reject(int status, std::string detail) {
  rejection_ = {status, std::move(detail)};
  return {Progress::kRejected, 0};
}

RequestParser::Step RequestParser::feed(std::string_view input) {
  if (in_body_) return feed_body(input, 0);
  const RequestHeadReader::Step step = heads_.feed(input);
  switch (step.progress) {
    case RequestHeadReader::Progress::kNeedMore:
      return {Progress::kNeedMore, step.consumed};
    case RequestHeadReader::Progress::kRejected:
      rejection_ = heads_.rejection();
      return {Progress::kRejected, 0};
    case RequestHeadReader::Progress::kComplete:
      break;
  }
  return begin_body(heads_.take(), input, step.consumed);
}

RequestParser::Step RequestParser::begin_body(RequestHead head, std::string_view input,
                                              std::size_t head_end) {
  const bool has_body = head.chunked || head.content_length > 0;
  BodyRule rule;
  if (has_body && policy_ != nullptr) rule = (*policy_)(head.request);
  max_body_bytes_ = rule.max_bytes > 0 ? rule.max_bytes : limits_.max_body_bytes;
  if (head.content_length > max_body_bytes_) return reject_large_body();
  request_ = std::move(head.request);
  in_body_ = true;
  keep_alive_ = head.keep_alive;
  http10_ = head.http10;
  expects_continue_ = head.expects_continue;
  body_left_ = head.content_length;
  chunks_.reset();
  if (head.chunked)
    chunks_.emplace(ChunkedDecoder::Limits{max_body_bytes_, limits_.max_header_bytes});

  input.remove_prefix(head_end);
  if (rule.delivery == BodyDelivery::kStreamed) return {Progress::kHead, head_end};
  if (head.expects_continue && has_body && input.empty()) return {Progress::kContinue, head_end};
  return feed_body(input, head_end);
}

RequestParser::Step RequestParser::feed_body(std::string_view input, std::size_t before) {
  const std::size_t offered = input.size();
  bool done = false;
  if (chunks_) {
    switch (chunks_->feed(input, request_.body)) {
      case ChunkedDecoder::Outcome::kNeedMore:
        break;
      case ChunkedDecoder::Outcome::kDone:
        done = true;
        break;
      case ChunkedDecoder::Outcome::kMalformed:
        return reject(400, "the chunked body is malformed");
      case ChunkedDecoder::Outcome::kBodyTooLarge:
        return reject_large_body();
      case ChunkedDecoder::Outcome::kTrailerTooLarge:
        return reject(431, fmt::format("the body's trailer is larger than {} bytes",
                                       limits_.max_header_bytes));
    }
  } else {
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, offered));
    request_.body.append(input.substr(0, taken));
    input.remove_prefix(taken);
    body_left_ -= taken;
    done = body_left_ == 0;
  }
  if (done) in_body_ = false;
  return {done ? Progress::kComplete : Progress::kNeedMore, before + offered - input.size()};
}

RequestParser::Step RequestParser::reject_large_body() {
  return reject(413, fmt::format("the request's body is larger than {} bytes", max_body_bytes_));
}

}  // namespace ae::net::internal
