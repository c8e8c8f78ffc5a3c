// The product's REST API as one function from request to answer, without a socket: the server puts
// it behind a port, the command line calls it directly when no server runs.
//
// Under /v1: plans, workflows (lint, compiled), runs (events, logs, resume, cancel), functions
// (invocations), files, targets, system. POST /api/{workflow} is the endpoint of a workflow. The
// whole list, with bodies and parameters, is the route table (internal/route.h) and what is made
// from it: /openapi.json.
//
// The same port speaks S3 (requests that are signed for it, that name a bucket in their Host or as
// the first part of their path) and Lambda (/2015-03-31/functions/…).
//
// Errors are application/problem+json (RFC 9457): type, title, status, detail, instance, and
// errors[{code, pointer, message, fix}] where there are several. A call that lacks a required input
// gets 422 naming it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gateway/services.h"
#include "json/json.h"
#include "net/http_server.h"

namespace ae::gateway {

struct ApiOptions {
  std::string public_url = "http://127.0.0.1:8000";  // for the URLs it hands out
  // Loopback without a key still checks these, against DNS rebinding and cross-site requests:
  // a request whose Host is not listed, or whose Origin is neither absent nor listed, gets 403.
  // public_url's own host and origin are always allowed.
  std::vector<std::string> allowed_hosts;    // "127.0.0.1:8000", "localhost:8000"
  std::vector<std::string> allowed_origins;  // "http://127.0.0.1:8000", …
  // Reads the syntax tree of Python functions without schemas; runs nothing of them.
  std::filesystem::path python = "/usr/bin/python3";
  std::chrono::milliseconds endpoint_wait{30'000};  // POST /api/{workflow}
  std::chrono::milliseconds max_wait{60'000};       // Prefer: wait=
  std::size_t worker_threads = 4;                   // short reads; never the event loops
  std::size_t planning_threads = 2;                 // planning and verifying, apart from the reads
  std::chrono::milliseconds planning_deadline{10'000};  // from the request's arrival; beyond: 504
  std::chrono::milliseconds heartbeat{15'000};          // comments that keep quiet streams alive
};

// Threads: handle() from any; it returns at once, the answer comes through the exchange.
class Api final {
 public:
  Api(Services services, ApiOptions options);
  ~Api();  // close()s; stray callbacks of the services then find nothing to do
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  void handle(std::shared_ptr<net::Exchange> exchange);
  // Files are streamed, all other bodies come whole. For net::HttpServer.
  net::BodyRule body_rule(const net::Request& head) const;

  // Answers what is owed with what is known (runs go on, and say so) and refuses what comes later
  // with 503. Idempotent; the destructor does it too.
  void close();

  // OpenAPI 3.1, made from the same route table that handle() dispatches on.
  // {} when the catalog cannot be read.
  Json openapi() const;

  const std::string& public_url() const;  // without a slash at its end

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// First parts of paths that mean something on this port, now or as other systems know them: no
// bucket is called so.
std::vector<std::string> reserved_bucket_names();

// Runs one request through `api` and waits for the whole answer (streams are collected). For the
// command line and tests.
net::Response call(Api& api, net::Request request);

}  // namespace ae::gateway
