#include "faas/internal/request_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace ae::faas {
namespace {

constexpr std::size_t kKeepBytes = 64UL << 10U;

}  // namespace

void RequestReader::append(std::string_view bytes) {
  if (skips_ && !chunks_ && unread().empty()) {  // need not even be copied
    const auto skipped =
        static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, bytes.size()));
    body_left_ -= skipped;
    bytes.remove_prefix(skipped);
  }
  buffer_.append(bytes);
}

void RequestReader::forget_consumed() {
  if (consumed_ == 0) return;
  buffer_.erase(0, consumed_);
  consumed_ = 0;
  if (buffer_.empty() && buffer_.capacity() > kKeepBytes) buffer_.shrink_to_fit();
}

RequestReader::Progress RequestReader::reject(int status, std::string_view detail) {
  rejection_ = {.status = status, .detail = std::string(detail)};
  return Progress::kRejected;
}

RequestReader::Progress RequestReader::next() {
  Progress progress = Progress::kNeedMore;
  if (in_body_) progress = read_body();
  if (!in_body_ && progress == Progress::kNeedMore) {
    const net::RequestHeadReader::Step step = heads_.feed(unread());
    consumed_ += step.consumed;
    if (step.progress == net::RequestHeadReader::Progress::kRejected) {
      rejection_ = heads_.rejection();
      return Progress::kRejected;
    }
    if (step.progress == net::RequestHeadReader::Progress::kComplete) {
      progress = begin(heads_.take());
    }
  }
  if (progress == Progress::kNeedMore) forget_consumed();
  return progress;
}

RequestReader::Progress RequestReader::begin(net::RequestHead head) {
  current_ = ApiRequest{.request = std::move(head.request), .keep_alive = head.keep_alive};
  in_body_ = true;
  skips_ = false;
  body_left_ = head.content_length;
  chunks_.reset();
  if (head.chunked) {
    // It has no limit of its own, or what is beyond ours could not be skipped.
    chunks_.emplace(
        net::ChunkedDecoder::Limits{.max_body_bytes = std::numeric_limits<std::size_t>::max(),
                                    .max_trailer_bytes = kMaxHeaderBytes});
  }
  const bool waits = head.expects_continue && (head.chunked || body_left_ > 0) && unread().empty();
  if (body_left_ > max_body_bytes_) {
    current_.oversize_bytes = static_cast<std::size_t>(body_left_);
    // Whoever waits to be told to go on is told not to: then nothing follows that could be skipped.
    if (waits) current_.keep_alive = false;
    skips_ = true;
    return Progress::kComplete;
  }
  return waits ? Progress::kContinue : read_body();
}

RequestReader::Progress RequestReader::read_body() {
  const std::string_view input = unread();
  if (chunks_) return read_chunks(input);
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, input.size()));
  if (!skips_) current_.request.body.append(input.substr(0, taken));
  consumed_ += taken;
  body_left_ -= taken;
  in_body_ = body_left_ > 0;
  return in_body_ || skips_ ? Progress::kNeedMore : Progress::kComplete;
}

RequestReader::Progress RequestReader::read_chunks(std::string_view input) {
  std::string& body = current_.request.body;
  const std::size_t offered = input.size();
  const net::ChunkedDecoder::Outcome outcome = chunks_->feed(input, body);
  consumed_ += offered - input.size();
  if (outcome == net::ChunkedDecoder::Outcome::kTrailerTooLarge) {
    return reject(431, "the body's trailer is too large");
  }
  if (outcome != net::ChunkedDecoder::Outcome::kDone &&
      outcome != net::ChunkedDecoder::Outcome::kNeedMore) {
    return reject(400, "the chunked body is malformed");
  }
  in_body_ = outcome != net::ChunkedDecoder::Outcome::kDone;
  if (skips_) {
    body.clear();
    return Progress::kNeedMore;
  }
  if (body.size() > max_body_bytes_) {
    current_.oversize_bytes = body.size();
    body = {};
    skips_ = true;
    return Progress::kComplete;
  }
  if (in_body_) return Progress::kNeedMore;
  current_.trailers = chunks_->take_trailers();
  return Progress::kComplete;
}

ApiRequest RequestReader::take() { return std::exchange(current_, {}); }

}  // namespace ae::faas
