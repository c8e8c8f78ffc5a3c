#include "objects/internal/s3_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/hash.h"
#include "base/text.h"

namespace ae::objects {
namespace {

// Requests that wait for a thread; each costs its small body, or nothing yet of a streamed one.
constexpr std::size_t kMaxQueued = 4096;

std::string decoded_query_part(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  auto decoded = net::percent_decode(spaced);
  return decoded ? *std::move(decoded) : std::string(text);
}

std::string upper_hex(std::string_view bytes) {
  std::string text = to_hex(bytes);
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  return text;
}

}  // namespace

// ---- Requests --------------------------------------------------------------------------------

Result<S3Target> read_s3_target(const net::Request& request,
                                const std::vector<std::string>& hosts) {
  S3Target target;
  AE_TRY(std::string path, net::percent_decode(request.path()));
  path.erase(0, 1);
  const std::string host = to_lower(request.header("Host").value_or(""));
  for (const std::string& ours : hosts) {
    if (host.size() > ours.size() + 1 && host.ends_with(ours) &&
        host[host.size() - ours.size() - 1] == '.') {
      target.virtual_hosted = true;
      target.bucket = host.substr(0, host.size() - ours.size() - 1);
      target.key = std::move(path);
      return target;
    }
  }
  const std::size_t slash = path.find('/');
  target.bucket = path.substr(0, slash);
  if (slash != std::string::npos) target.key = path.substr(slash + 1);
  return target;
}

QueryItems read_s3_query(std::string_view query) {
  QueryItems items;
  for (const std::string_view pair : split(query, '&')) {
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    items.emplace_back(
        decoded_query_part(pair.substr(0, equals)),
        equals == std::string_view::npos ? "" : decoded_query_part(pair.substr(equals + 1)));
  }
  return items;
}

S3Call::S3Call(std::shared_ptr<net::Exchange> exchange_in)
    : exchange(std::move(exchange_in)),
      id(upper_hex(random_bytes(8))),
      query(read_s3_query(exchange->request().query())) {}

bool S3Call::has(std::string_view name) const {
  return std::ranges::find(query, name, &QueryItems::value_type::first) != query.end();
}

std::string S3Call::parameter(std::string_view name) const {
  const auto found = std::ranges::find(query, name, &QueryItems::value_type::first);
  return found == query.end() ? std::string{} : found->second;
}

std::optional<S3Fault> S3Call::number(std::string_view name, int low, int high, int& value) const {
  const std::string text = parameter(name);
  if (text.empty()) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size() && value >= low && value <= high) {
    return std::nullopt;
  }
  S3Fault fault = s3_fault("InvalidArgument",
                           fmt::format("{} must be an integer between {} and {}", name, low, high));
  fault.details = {{"ArgumentName", std::string(name)}, {"ArgumentValue", shorten(text, 100)}};
  return fault;
}

// ---- Answers ---------------------------------------------------------------------------------

net::Headers S3Call::standard(net::Headers headers) const {
  headers.emplace_back("x-amz-request-id", id);
  headers.emplace_back("x-amz-id-2", id);
  headers.emplace_back("Server", "ActionEngineS3");
  headers.emplace_back("X-Content-Type-Options", "nosniff");
  return headers;
}

void S3Call::respond(int status, net::Headers headers, std::string body) {
  exchange->respond({status, standard(std::move(headers)), std::move(body)});
}

void S3Call::respond_xml(XmlWriter& document, int status, net::Headers headers) {
  headers.emplace_back("Content-Type", "application/xml");
  respond(status, std::move(headers), document.finish());
}

void S3Call::respond_file(int status, net::Headers headers, net::FileBody file) {
  exchange->respond_file({status, standard(std::move(headers)), {}}, std::move(file));
}

void S3Call::fail(const S3Fault& fault) {
  if (fault.status == 304) return respond(304);
  XmlWriter xml("Error", "");
  xml.element("Code", fault.code).element("Message", fault.message);
  if (!target.key.empty()) xml.element("Key", target.key);
  if (!target.bucket.empty()) xml.element("BucketName", target.bucket);
  for (const auto& [name, value] : fault.details) xml.element(name, value);
  xml.element("Resource", request().path()).element("RequestId", id).element("HostId", id);
  respond_xml(xml, fault.status);
}

// ---- Core ------------------------------------------------------------------------------------

S3Core::S3Core(ObjectStore& store_in, const Credentials& credentials_in, const Clock& clock_in,
               S3Options options_in)
    : store(store_in),
      credentials(credentials_in),
      clock(clock_in),
      options(std::move(options_in)),
      hosts_(options.hosts),
      pool_(std::make_unique<ThreadPool>(options.threads, kMaxQueued)) {
  for (std::string& host : hosts_) host = to_lower(host);
}

bool S3Core::post(std::move_only_function<void()> task) {
  const std::shared_lock lock(mutex_);
  return pool_ != nullptr && pool_->post(std::move(task));
}

std::vector<std::string> S3Core::hosts() const {
  const std::shared_lock lock(mutex_);
  return hosts_;
}

void S3Core::set_hosts(std::vector<std::string> hosts) {
  for (std::string& host : hosts) host = to_lower(host);
  const std::unique_lock lock(mutex_);
  hosts_ = std::move(hosts);
}

void S3Core::stop() {
  std::unique_ptr<ThreadPool> pool;
  {
    const std::unique_lock lock(mutex_);
    pool = std::move(pool_);
  }
}

}  // namespace ae::objects
