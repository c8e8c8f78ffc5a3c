// The S3 wire over an ObjectStore: what AWS SDKs and the AWS CLI send, unchanged.
//
// Buckets: create, list, head, delete, location, canned ACLs. Objects: put, get (ranges,
// conditions), head, delete, delete many, copy, list (V1, V2), canned ACLs, checksums, presigned
// URLs, uploads in parts. Path style and virtual-hosted style. What S3 has beyond that is refused
// with NotImplemented, never ignored.
//
// Threads: any. handle() returns at once; the disk is waited for on threads of its own. Servers
// whose exchanges it holds must be stopped before it goes.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/http_server.h"
#include "objects/credentials.h"
#include "objects/object_store.h"

namespace ae::objects {

struct S3Options {
  // Under which names the server is reached ("localhost:8000"); "<bucket>." in front of one of
  // them makes a request virtual-hosted.
  std::vector<std::string> hosts;
  // First parts of paths that mean something else on the same port: no bucket is called so.
  std::vector<std::string> reserved_buckets;
  std::size_t threads = 4;
};

// The region that is answered; signatures of any region are accepted.
inline constexpr std::string_view kRegion = "us-east-1";

class S3Api final {
 public:
  S3Api(ObjectStore& store, const Credentials& credentials, const Clock& clock, S3Options options);
  ~S3Api();
  S3Api(const S3Api&) = delete;
  S3Api& operator=(const S3Api&) = delete;

  // Is the request S3's, where it shares a port: signed for S3, virtual-hosted, or in the path of
  // a bucket? Cheap: for event loops.
  bool claims(const net::Request& head) const;
  // True when the request says who sends it; whether that is true is not checked here.
  static bool is_signed(const net::Request& head);
  // Bodies of objects are streamed, others are small.
  net::BodyRule body_rule(const net::Request& head) const;

  void handle(std::shared_ptr<net::Exchange> exchange);

  void set_hosts(std::vector<std::string> hosts);  // once the port is known

  // "/bucket/key?X-Amz-…": lets anybody get the object from `host` for that long.
  std::string presigned_target(std::string_view host, const std::string& bucket,
                               const std::string& key, std::chrono::seconds valid_for) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// "/bucket/some%20key": the path of an object.
std::string object_path(std::string_view bucket, std::string_view key);

}  // namespace ae::objects
