// call(): a request without a socket.
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "gateway/api.h"

namespace ae::gateway {
namespace {

// Where the answer is put, apart from the exchange: the exchange may die first.
struct Answer {
  std::mutex mutex;
  std::condition_variable ready;
  bool done = false;
  net::Response response;
};

class InProcessExchange final : public net::Exchange {
 public:
  InProcessExchange(net::Request request, std::shared_ptr<Answer> answer)
      : request_(std::move(request)), answer_(std::move(answer)) {}

  ~InProcessExchange() override {
    respond({500,
             {{"Content-Type", "application/problem+json"}},
             R"({"type":"urn:action-engine:problem:internal","title":"Internal error",)"
             R"("status":500,"detail":"the request was dropped without an answer"})"});
  }

  const net::Request& request() const override { return request_; }

  void respond(net::Response response) override {
    const std::lock_guard lock(answer_->mutex);
    if (answer_->done || streaming_) return;
    answer_->response = std::move(response);
    complete();
  }

  bool start_stream(net::Response head) override {
    const std::lock_guard lock(answer_->mutex);
    if (answer_->done || streaming_) return false;
    answer_->response = std::move(head);
    streaming_ = true;
    return true;
  }

  bool write(std::string_view chunk) override {
    const std::lock_guard lock(answer_->mutex);
    if (answer_->done || !streaming_) return false;
    answer_->response.body += chunk;
    return true;
  }

  void finish() override {
    const std::lock_guard lock(answer_->mutex);
    if (streaming_ && !answer_->done) complete();
  }

  void on_disconnect(std::move_only_function<void()>) override {}  // the caller waits

  void read_body(BodyPiece done) override {
    done(body_given_.exchange(true) ? std::string{} : request_.body);
  }

  void respond_file(net::Response head, net::FileBody file) override {
    head.body.resize(file.size);
    std::size_t at = 0;
    while (at < head.body.size()) {
      const ssize_t bytes = ::pread(*file.descriptor, head.body.data() + at, head.body.size() - at,
                                    static_cast<off_t>(file.offset + at));
      if (bytes <= 0) return;  // the destructor says that there was no answer
      at += static_cast<std::size_t>(bytes);
    }
    respond(std::move(head));
  }

  void on_writable(std::move_only_function<void()> ready) override { ready(); }

 private:
  void complete() {
    if (request_.method == "HEAD") answer_->response.body.clear();
    answer_->done = true;
    answer_->ready.notify_all();
  }

  const net::Request request_;
  const std::shared_ptr<Answer> answer_;
  bool streaming_ = false;  // guarded by answer_->mutex
  std::atomic<bool> body_given_ = false;
};

std::string_view authority_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  return scheme == std::string_view::npos ? url : url.substr(scheme + 3);
}

}  // namespace

net::Response call(Api& api, net::Request request) {
  if (!request.header("Host")) {
    request.headers.emplace_back("Host", authority_of(api.public_url()));
  }
  const auto answer = std::make_shared<Answer>();
  api.handle(std::make_shared<InProcessExchange>(std::move(request), answer));
  std::unique_lock lock(answer->mutex);
  answer->ready.wait(lock, [&] { return answer->done; });
  return std::move(answer->response);
}

}  // namespace ae::gateway
