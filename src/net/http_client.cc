#include "net/http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

#include "base/text.h"

namespace ae::net {
namespace {

// Loopback answers at once and the internet within seconds; beyond, the address is dead.
constexpr std::chrono::milliseconds kConnectTimeout{10'000};

void initialise_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

// "host:port" of a URL, for messages.
std::string authority(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return std::string(url.substr(0, url.find_first_of("/?#")));
}

bool is_loopback(std::string_view host_and_port) {
  return host_and_port.starts_with("127.") || host_and_port.starts_with("[::1]") ||
         host_and_port == "localhost" || host_and_port.starts_with("localhost:");
}

// Functions run as child processes of programs that hold clients, and must not inherit sockets.
curl_socket_t open_private_socket(void* /*user*/, curlsocktype /*purpose*/,
                                  curl_sockaddr* address) {
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

class HeaderList final {
 public:
  HeaderList() = default;
  ~HeaderList() { curl_slist_free_all(list_); }
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  void add(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

}  // namespace

class HttpClient::Impl final {
 public:
  Impl(std::string base_url, std::string unix_socket, ClientLimits limits)
      : base_url_(std::move(base_url)), unix_socket_(std::move(unix_socket)), limits_(limits) {
    initialise_curl();
    handle_ = curl_easy_init();
    while (base_url_.ends_with('/')) base_url_.pop_back();
  }
  ~Impl() { curl_easy_cleanup(handle_); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  using OnChunk = std::function<bool(std::string_view)>;
  Result<Response> perform(const Request& request, const OnChunk* on_chunk, Deadline deadline,
                           const StreamLimits& patience = {});

 private:
  // One transfer's state, reached by curl's callbacks.
  struct Transfer {
    Response response;
    const OnChunk* on_chunk = nullptr;
    std::size_t max_bytes = 0;
    bool too_large = false;
    bool stopped = false;
    StreamLimits patience;
    SteadyTime last_byte{};
    bool stalled = false;
    char message[CURL_ERROR_SIZE] = {};
  };

  static std::size_t on_header(const char* data, std::size_t size, std::size_t count, void* user);
  static std::size_t on_body(const char* data, std::size_t size, std::size_t count, void* user);
  static int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
  template <class T>
  void set(CURLoption option, T value) {
    curl_easy_setopt(handle_, option, value);
  }
  Result<void> check(const Request& request) const;
  void set_target(const Request& request);
  void set_headers(const Request& request, HeaderList& list);
  void set_body(const Request& request);
  std::unexpected<Error> explain(CURLcode code, const Transfer& transfer) const;
  std::string peer() const { return unix_socket_.empty() ? authority(base_url_) : unix_socket_; }

  std::string base_url_;
  std::string unix_socket_;
  ClientLimits limits_;
  CURL* handle_ = nullptr;
};

std::size_t HttpClient::Impl::on_header(const char* data, std::size_t size, std::size_t count,
                                        void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line = trim({data, size * count});
  if (line.starts_with("HTTP/")) {
    transfer.response.headers.clear();  // the head before it was an interim one (1xx)
    return size * count;
  }
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    transfer.response.headers.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
  }
  return size * count;
}

std::size_t HttpClient::Impl::on_body(const char* data, std::size_t size, std::size_t count,
                                      void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view bytes{data, size * count};
  transfer.last_byte = SystemClock::instance().steady_now();
  if (transfer.on_chunk != nullptr) {
    transfer.stopped = !(*transfer.on_chunk)(bytes);
    return transfer.stopped ? 0 : bytes.size();
  }
  if (transfer.response.body.size() + bytes.size() > transfer.max_bytes) {
    transfer.too_large = true;
    return 0;
  }
  transfer.response.body += bytes;
  return bytes.size();
}

int HttpClient::Impl::on_progress(void* user, curl_off_t /*expected*/, curl_off_t /*received*/,
                                  curl_off_t /*to_send*/, curl_off_t /*sent*/) {
  auto& transfer = *static_cast<Transfer*>(user);
  const auto silence = SystemClock::instance().steady_now() - transfer.last_byte;
  transfer.stalled = transfer.patience.stall.count() > 0 && silence > transfer.patience.stall;
  return transfer.stalled || transfer.patience.stop.stop_requested() ? 1 : 0;
}

Result<void> HttpClient::Impl::check(const Request& request) const {
  if (handle_ == nullptr) {
    return fail(ErrorCode::kResourceExhausted, "libcurl cannot allocate a handle");
  }
  if (!base_url_.starts_with("http://") && !base_url_.starts_with("https://")) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("'{}' is no address for HTTP; write it like http://127.0.0.1:8000", base_url_));
  }
  if (!request.target.starts_with('/')) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the request target '{}' must begin with '/'", request.target));
  }
  const auto has_space = [](std::string_view text) {
    return has_control_character(text) || text.find_first_of(" \t") != std::string_view::npos;
  };
  if (request.method.empty() || has_space(request.method) || has_space(request.target)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("cannot send '{} {}': neither may be empty or hold spaces; use "
                            "percent_encode() for parts of the target",
                            request.method, request.target));
  }
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || has_space(name) || has_control_character(value)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("header '{}' holds a control character or has no name", name));
    }
  }
  return {};
}

void HttpClient::Impl::set_target(const Request& request) {
  const std::string url = base_url_ + request.target;
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_OPENSOCKETFUNCTION, &open_private_socket);
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  if (!unix_socket_.empty()) set(CURLOPT_UNIX_SOCKET_PATH, unix_socket_.c_str());
  // A proxy configured for the internet cannot reach this machine's own servers.
  if (!unix_socket_.empty() || is_loopback(authority(base_url_))) set(CURLOPT_NOPROXY, "*");
}

void HttpClient::Impl::set_headers(const Request& request, HeaderList& list) {
  for (const auto& [name, value] : request.headers) {
    // curl reads "Name:" as "leave that header out" and "Name;" as "send it empty".
    list.add(value.empty() ? name + ";" : name + ": " + value);
  }
  if (!request.header("content-type")) list.add("Content-Type:");  // else curl guesses a form
  set(CURLOPT_HTTPHEADER, list.get());
}

void HttpClient::Impl::set_body(const Request& request) {
  const bool takes_body =
      request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (takes_body || !request.body.empty()) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.data());
  } else {
    set(CURLOPT_HTTPGET, 1L);
  }
  set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

Result<Response> HttpClient::Impl::perform(const Request& request, const OnChunk* on_chunk,
                                           Deadline deadline, const StreamLimits& patience) {
  AE_CHECK(check(request));
  Transfer transfer;
  transfer.patience = patience;
  transfer.last_byte = SystemClock::instance().steady_now();
  transfer.on_chunk = on_chunk;
  transfer.max_bytes = limits_.max_response_bytes;

  curl_easy_reset(handle_);  // options only: open connections are kept
  HeaderList headers;
  set_target(request);
  set_headers(request, headers);
  set_body(request);
  set(CURLOPT_ERRORBUFFER, transfer.message);
  set(CURLOPT_HEADERFUNCTION, &Impl::on_header);
  set(CURLOPT_HEADERDATA, &transfer);
  set(CURLOPT_WRITEFUNCTION, &Impl::on_body);
  set(CURLOPT_WRITEDATA, &transfer);
  set(CURLOPT_XFERINFOFUNCTION, &Impl::on_progress);
  set(CURLOPT_XFERINFODATA, &transfer);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(kConnectTimeout.count()));
  if (!deadline.is_never()) {
    const auto left = deadline.remaining();
    if (left.count() == 0) {
      return fail(ErrorCode::kDeadlineExceeded, fmt::format("no time was left to ask {}", peer()));
    }
    set(CURLOPT_TIMEOUT_MS,
        static_cast<long>(std::min<std::int64_t>(left.count(), std::numeric_limits<int>::max())));
  }

  const CURLcode code = curl_easy_perform(handle_);
  if (code != CURLE_OK && !(transfer.stopped && code == CURLE_WRITE_ERROR)) {
    return explain(code, transfer);
  }
  long status = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  transfer.response.status = static_cast<int>(status);
  return std::move(transfer.response);
}

std::unexpected<Error> HttpClient::Impl::explain(CURLcode code, const Transfer& transfer) const {
  const std::string why = transfer.message[0] != '\0' ? transfer.message : curl_easy_strerror(code);
  if (transfer.too_large) {
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("{} answered with more than {} bytes; ask for less or raise the limit",
                            peer(), limits_.max_response_bytes));
  }
  switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
      if (!transfer.stalled) return fail(ErrorCode::kCancelled, "the caller withdrew");
      return fail(ErrorCode::kDeadlineExceeded,
                  fmt::format("{} sent nothing for {} ms; ask again, or allow it a longer silence",
                              peer(), transfer.patience.stall.count()));
    case CURLE_OPERATION_TIMEDOUT:
      return fail(ErrorCode::kDeadlineExceeded,
                  fmt::format("{} did not answer in the time given: {}", peer(), why));
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("'{}' is no address for HTTP ({}); write it like "
                              "http://127.0.0.1:8000",
                              base_url_, why));
    case CURLE_COULDNT_RESOLVE_HOST:
      return fail(ErrorCode::kUnavailable,
                  fmt::format("cannot find {}: {}; check the host's name", peer(), why));
    case CURLE_COULDNT_CONNECT:
      return fail(ErrorCode::kUnavailable,
                  fmt::format("nobody listens on {}: {}; is the server running, and is this its "
                              "address?",
                              peer(), why));
    case CURLE_OUT_OF_MEMORY:
      return fail(ErrorCode::kResourceExhausted, "out of memory in an HTTP request");
    default:
      return fail(ErrorCode::kUnavailable,
                  fmt::format("the connection to {} was lost: {}; try again, and look into the "
                              "server's log if it happens again",
                              peer(), why));
  }
}

HttpClient::HttpClient(std::string base_url, std::string unix_socket, ClientLimits limits)
    : impl_(std::make_unique<Impl>(std::move(base_url), std::move(unix_socket), limits)) {}
HttpClient::~HttpClient() = default;

Result<Response> HttpClient::send(const Request& request, Deadline deadline) {
  return impl_->perform(request, nullptr, deadline);
}

Result<Response> HttpClient::stream(const Request& request,
                                    const std::function<bool(std::string_view)>& on_chunk,
                                    Deadline deadline, const StreamLimits& limits) {
  return impl_->perform(request, &on_chunk, deadline, limits);
}

}  // namespace ae::net
