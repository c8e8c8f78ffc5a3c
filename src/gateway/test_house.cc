#include "gateway/internal/test_house.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <utility>

#include "gateway/internal/router.h"
#include "gateway/internal/schemas.h"
#include "json/schema.h"
#include "json/yaml.h"

namespace ae::gateway {
namespace {

template <class T>
T must(Result<T> result) {
  if (result) return *std::move(result);
  ADD_FAILURE() << result.error().describe();
  std::abort();  // nothing that follows would mean anything
}

Reply to_reply(net::Response response) {
  Reply reply{response.status, std::move(response.headers), std::move(response.body), {}};
  if (reply.header("Content-Type").find("json") != std::string::npos && !reply.body.empty()) {
    auto parsed = json::parse(reply.body);
    EXPECT_TRUE(parsed) << "a body that says JSON and is none: " << reply.body;
    if (parsed) reply.json = *std::move(parsed);
  }
  return reply;
}

}  // namespace

std::string Reply::header(std::string_view name) const {
  return std::string(net::find_header(headers, name).value_or(""));
}

House::House(ApiOptions options) {
  const auto& home = folder_.path();
  using store::Database;
  repository_database_ =
      must(Database::open(home / "repository.db", repository::Repository::migration()));
  catalog_database_ = must(Database::open(home / "catalog.db", catalog::Catalog::migration()));
  journal_database_ = must(Database::open(home / "journal.db", execute::Journal::migration()));
  repository_ = std::make_unique<repository::Repository>(*repository_database_, home / "code");
  const Clock& clock = SystemClock::instance();
  objects_ = must(objects::ObjectStore::open(home / "objects", clock));
  credentials_ = must(objects::Credentials::open(home / "aws_credentials"));
  s3_ = std::make_unique<objects::S3Api>(
      *objects_, *credentials_, clock,
      objects::S3Options{.hosts = {}, .reserved_buckets = reserved_bucket_names()});
  catalog_ = std::make_unique<catalog::Catalog>(*catalog_database_, clock);
  journal_ = std::make_unique<execute::Journal>(*journal_database_);
  faas::FaasOptions faas;
  faas.run_folder = home / "run";
  faas.state_folder = home / "state";
  faas_ = must(faas::FaasEngine::start(faas));
  orchestrator_ = std::make_unique<execute::Orchestrator>(*journal_, *faas_, clock);
  must(orchestrator_->recover());
  ServerOptions server;
  server.port = 0;
  server.api = std::move(options);
  server_ = must(Server::start(services(), std::move(server)));
  client_ = std::make_unique<net::HttpClient>(server_->url());
}

Services House::services() {
  return {*repository_,
          *catalog_,
          *journal_,
          *orchestrator_,
          *faas_,
          SystemClock::instance(),
          {objects_.get(), s3_.get(), &*credentials_}};
}

House::~House() {
  client_.reset();
  server_.reset();
}

std::filesystem::path House::state_of(std::string_view function) const {
  return folder_.path() / "state" / function;
}

Reply House::send_text(std::string_view method, std::string_view target, std::string body,
                       net::Headers headers) {
  Reply reply = to_reply(must(client_->send({.method = std::string(method),
                                             .target = std::string(target),
                                             .headers = std::move(headers),
                                             .body = std::move(body)})));
  check_documented(method, target, reply);
  return reply;
}

Reply House::send_signed(std::string_view service, net::Request request,
                         const net::AwsCredentials* pair) {
  const std::string& url = server_->url();
  request.headers.emplace_back("Host", url.substr(url.find("://") + 3));
  net::sign_aws_request(request, pair == nullptr ? credentials_->root() : *pair,
                        {.region = "us-east-1",
                         .service = std::string(service),
                         .now = SystemClock::instance().now()});
  return to_reply(must(client_->send(request)));
}

Reply House::send(std::string_view method, std::string_view target, const Json& body,
                  net::Headers headers) {
  if (!body.is_null()) headers.emplace_back("Content-Type", "application/json");
  return send_text(method, target, body.is_null() ? "" : json::dump(body), std::move(headers));
}

Reply House::send_alone(std::string_view method, std::string_view target, const Json& body) {
  net::HttpClient client(server_->url());
  net::Request request{.method = std::string(method),
                       .target = std::string(target),
                       .headers = {{"Content-Type", "application/json"}},
                       .body = body.is_null() ? "" : json::dump(body)};
  return to_reply(must(client.send(request)));
}

Reply House::in_process(std::string_view method, std::string_view target, const Json& body) {
  net::Request request{.method = std::string(method),
                       .target = std::string(target),
                       .headers = {{"Content-Type", "application/json"}},
                       .body = body.is_null() ? "" : json::dump(body)};
  Reply reply = to_reply(call(server_->api(), std::move(request)));
  check_documented(method, target, reply);
  return reply;
}

// What openapi.json promises is what is sent: status, media type and schema.
void House::check_documented(std::string_view method, std::string_view target, const Reply& reply) {
  if (method == "HEAD" || method == "OPTIONS") return;
  const auto match = find_route(method, target.substr(0, target.find('?')));
  if (!match || match->route == nullptr) {
    EXPECT_EQ(reply.header("Content-Type"), "application/problem+json") << target;
    return;
  }
  const Json document = server_->api().openapi();
  std::string path = match->route->path;
  const auto workflow = match->path.find("workflow");
  if (path == "/api/{workflow}" && document["paths"].contains("/api/" + workflow->second)) {
    path = "/api/" + workflow->second;  // the endpoint's own schemas
  }
  const std::string lower = method == "GET" ? "get" : method == "POST" ? "post" : "delete";
  const Json& responses = document["paths"][path][lower]["responses"];
  const Json* response = json::find(responses, std::to_string(reply.status));
  if (response == nullptr && reply.status >= 400) response = json::find(responses, "default");
  ASSERT_NE(response, nullptr) << method << " " << path << " -> " << reply.status
                               << " is not documented: " << reply.body;
  const std::string full = reply.header("Content-Type");
  const std::string type = full.substr(0, full.find(';'));
  const Json* content = json::find(*response, "content");
  if (content == nullptr) {
    EXPECT_EQ(reply.body, "") << method << " " << path;
    return;
  }
  const Json* media = json::find(*content, type);
  if (media == nullptr && reply.status < 400) media = json::find(*content, "*/*");
  ASSERT_NE(media, nullptr) << method << " " << path << " -> " << reply.status << " " << type;
  if (reply.json.is_null()) return;
  for (const auto& violation :
       json::validate(json::SchemaPart{&document, &(*media)["schema"]}, reply.json)) {
    ADD_FAILURE() << method << " " << path << " -> " << reply.status << " breaks its schema at "
                  << violation.pointer << ": " << violation.message << "\n"
                  << reply.body;
  }
}

void House::add_pack(std::string_view pack) {
  const std::filesystem::path folder = std::filesystem::path(AE_FUNCTIONS_FOLDER) / pack;
  const Reply reply = send("POST", "/v1/functions", Json{{"path", folder.string()}});
  ASSERT_EQ(reply.status, 201) << reply.body;
}

void House::add_function(const std::string& name, std::string_view python,
                         std::string_view sidecar) {
  const auto folder = folder_.path() / "packages" / name;
  std::filesystem::create_directories(folder);
  std::string code = "import json, os, time\n\n\ndef lambda_handler(event, context):\n";
  for (std::size_t at = 0; at < python.size();) {
    const std::size_t end = std::min(python.find('\n', at), python.size());
    code += fmt::format("    {}\n", python.substr(at, end - at));
    at = end + 1;
  }
  ASSERT_TRUE(write_file_atomically(folder / "lambda_function.py", code));
  const std::string text = fmt::format(
      "apiVersion: actionengine/v1\nkind: Function\nname: {}\ndescription: Does {}.\n{}", name,
      name, sidecar);
  ASSERT_TRUE(write_file_atomically(folder / "function.yaml", text));
  const Reply reply = send("POST", "/v1/functions", Json{{"path", folder.string()}});
  ASSERT_EQ(reply.status, 201) << reply.body;
}

Json House::add_workflow(const Json& document, const Json& more) {
  Json body = more;
  body["workflow"] = document;
  Reply reply = send("POST", "/v1/workflows", body);
  EXPECT_EQ(reply.status, 201) << reply.body;
  return std::move(reply.json);
}

Json mood_music(std::string_view name) {
  Json document = literal(R"({
    "apiVersion": "actionengine/v1", "kind": "Workflow",
    "metadata": {"name": "mood-music", "description": "Plays music for a mood."},
    "inputs": {"type": "object", "required": ["username"],
               "properties": {"username": {"type": "string", "examples": ["Anna"],
                                           "description": "Who listens."}}},
    "nodes": [
      {"id": "who", "function": "username2id", "arguments": {"username": {"input": "username"}}},
      {"id": "mood", "function": "getusermood",
       "arguments": {"user_id": {"node": "who", "output": "user_id"}}},
      {"id": "song", "function": "recommendsong",
       "arguments": {"mood": {"node": "mood", "output": "mood"}}},
      {"id": "play", "function": "playmusic",
       "arguments": {"song_title": {"node": "song", "output": "song_title"}}}
    ],
    "outputs": {"message": {"node": "play", "output": "message"}}
  })");
  document["metadata"]["name"] = name;
  return document;
}

Json one_step(std::string_view name, std::string_view function, std::string_view parameter,
              std::string_view output) {
  Json document = {{"apiVersion", "actionengine/v1"}, {"kind", "Workflow"}};
  document["metadata"] = {{"name", name}, {"description", "One step."}};
  document["inputs"] = {{"type", "object"}, {"properties", Json::object()}};
  document["inputs"]["properties"][parameter] = {{"type", "string"}};
  document["inputs"]["required"] = Json::array({parameter});
  Json node = {{"id", "only"}, {"function", function}};
  node["arguments"][parameter] = {{"input", parameter}};
  document["nodes"] = Json::array({node});
  document["outputs"][output] = {{"node", "only"}, {"output", output}};
  return document;
}

}  // namespace ae::gateway
