// One S3 request on its way to an answer, and what all handlers share.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "net/aws_chunked.h"
#include "net/aws_signature.h"
#include "net/http_server.h"
#include "objects/internal/s3_fault.h"
#include "objects/internal/xml.h"
#include "objects/s3_api.h"

namespace ae::objects {

using QueryItems = std::vector<std::pair<std::string, std::string>>;

// What a path and a Host name.
struct S3Target {
  std::string bucket;  // "": the service itself
  std::string key;     // "": the bucket itself
  bool virtual_hosted = false;
};

// Errors: kInvalidArgument for a broken escape. hosts: as S3Options::hosts.
Result<S3Target> read_s3_target(const net::Request& request, const std::vector<std::string>& hosts);
// Decoded, in the order sent; '+' is a blank.
QueryItems read_s3_query(std::string_view query);

// Threads: one at a time.
class S3Call final {
 public:
  explicit S3Call(std::shared_ptr<net::Exchange> exchange);

  const net::Request& request() const { return exchange->request(); }
  std::string header(std::string_view name) const {
    return std::string(request().header(name).value_or(""));
  }
  bool has(std::string_view parameter) const;
  std::string parameter(std::string_view name) const;  // "" without it
  // Errors of the request: InvalidArgument.
  std::optional<S3Fault> number(std::string_view name, int low, int high, int& value) const;

  void respond(int status, net::Headers headers = {}, std::string body = {});
  void respond_xml(XmlWriter& document, int status = 200, net::Headers headers = {});
  void respond_file(int status, net::Headers headers, net::FileBody file);
  void fail(const S3Fault& fault);

  const std::shared_ptr<net::Exchange> exchange;
  const std::string id;
  S3Target target;
  QueryItems query;
  std::optional<net::AwsClaim> claim;  // none: anonymous
  std::string signing_key;

 private:
  net::Headers standard(net::Headers headers) const;
};
using S3CallPtr = std::shared_ptr<S3Call>;

// Threads: any. Handlers run on its pool.
class S3Core final {
 public:
  S3Core(ObjectStore& store_in, const Credentials& credentials_in, const Clock& clock_in,
         S3Options options_in);

  // False: too much is waiting. While it ends, `task` runs here and now.
  bool post(std::move_only_function<void()> task);

  ObjectStore& store;
  const Credentials& credentials;
  const Clock& clock;
  const S3Options options;
  std::vector<std::string> hosts() const;
  void set_hosts(std::vector<std::string> hosts);
  void stop();

 private:
  mutable std::shared_mutex mutex_;
  std::vector<std::string> hosts_;
  std::unique_ptr<ThreadPool> pool_;
};

// The body of an object or a part on its way to the disk, unchunked and checked against every
// digest that its sender announced.
struct Received {
  Incoming content;
  std::map<std::string, std::string> checksums;  // those that were sent, all correct
};
using ReceivedThen = std::move_only_function<void(Received)>;
// Reads the call's whole body, then calls `then` on the pool; or fails the call.
void receive_body(S3Core& core, const S3CallPtr& call, ReceivedThen then);

// Handlers. Each answers the call.
using S3Handler = void (*)(S3Core& core, const S3CallPtr& call);
void list_buckets(S3Core& core, const S3CallPtr& call);
void create_bucket(S3Core& core, const S3CallPtr& call);
void delete_bucket(S3Core& core, const S3CallPtr& call);
void head_bucket(S3Core& core, const S3CallPtr& call);
void get_location(S3Core& core, const S3CallPtr& call);
void get_versioning(S3Core& core, const S3CallPtr& call);
void get_acl(S3Core& core, const S3CallPtr& call);
void put_acl(S3Core& core, const S3CallPtr& call);
void list_objects(S3Core& core, const S3CallPtr& call);
void delete_objects(S3Core& core, const S3CallPtr& call);
void get_object(S3Core& core, const S3CallPtr& call);  // and HEAD
void put_object(S3Core& core, const S3CallPtr& call);
void copy_object(S3Core& core, const S3CallPtr& call);
void delete_object(S3Core& core, const S3CallPtr& call);
void get_tagging(S3Core& core, const S3CallPtr& call);
void begin_upload(S3Core& core, const S3CallPtr& call);
void put_part(S3Core& core, const S3CallPtr& call);
void copy_part(S3Core& core, const S3CallPtr& call);
void complete_upload(S3Core& core, const S3CallPtr& call);
void abort_upload(S3Core& core, const S3CallPtr& call);
void list_parts(S3Core& core, const S3CallPtr& call);
void list_uploads(S3Core& core, const S3CallPtr& call);

// ---- What several handlers read and write

// Attributes from the headers of a put, a copy or the beginning of an upload in parts.
std::optional<S3Fault> read_attributes(const S3Call& call, Attributes& attributes);
std::optional<S3Fault> read_access(const S3Call& call, Access& access);
std::optional<S3Fault> read_put_condition(const S3Call& call, PutCondition& condition);
std::string in_quotes(std::string_view etag);
std::string without_quotes(std::string_view etag);
std::string http_date(WallTime time);
std::optional<WallTime> parse_http_date(std::string_view text);
void add_checksum_headers(net::Headers& headers, const std::map<std::string, std::string>& sums);
void add_checksum_elements(XmlWriter& xml, const std::map<std::string, std::string>& sums);

struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t size = 0;
};
// "bytes=0-9" of `size` bytes. nullopt: there is none, or none that S3 would heed.
// `unsatisfiable` is set for one that lies behind the end.
std::optional<ByteRange> read_range(std::string_view text, std::uint64_t size, bool& unsatisfiable);

// x-amz-copy-source, and its conditions checked.
struct CopySource {
  std::string bucket;
  std::string key;
  ObjectInfo info;
};
std::optional<S3Fault> read_copy_source(S3Core& core, const S3Call& call, CopySource& source);

// The algorithms that S3 knows: "crc32" and the others of Attributes::checksums.
struct ChecksumKind {
  std::string_view name;     // "crc32"
  std::string_view element;  // "ChecksumCRC32"
  DigestKind kind;
};
std::span<const ChecksumKind> checksum_kinds();

}  // namespace ae::objects
