// Files from people: a form or bare bytes in, an object in the bucket `uploads` out. Also under the
// paths and field names of the paper's system: /upload-files, /file-info/{key}, /files/{key}.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "gateway/internal/core.h"
#include "gateway/internal/schemas.h"
#include "net/multipart_form.h"

namespace ae::gateway {
namespace {

constexpr std::string_view kBucket = "uploads";
constexpr std::size_t kMaxNameBytes = 200;
constexpr std::size_t kMaxFiles = 100;  // of one form
// The longest that a presigned URL may live.
constexpr std::chrono::hours kUrlLife{7 * 24};

// What browsers and functions go by when the sender does not say.
std::string type_of(std::string_view name) {
  static constexpr auto kTypes =
      std::to_array<std::pair<std::string_view, std::string_view>>({{"csv", "text/csv"},
                                                                    {"gif", "image/gif"},
                                                                    {"html", "text/html"},
                                                                    {"jpeg", "image/jpeg"},
                                                                    {"jpg", "image/jpeg"},
                                                                    {"json", "application/json"},
                                                                    {"md", "text/markdown"},
                                                                    {"mp3", "audio/mpeg"},
                                                                    {"mp4", "video/mp4"},
                                                                    {"pdf", "application/pdf"},
                                                                    {"png", "image/png"},
                                                                    {"svg", "image/svg+xml"},
                                                                    {"txt", "text/plain"},
                                                                    {"wav", "audio/wav"},
                                                                    {"webp", "image/webp"},
                                                                    {"xml", "application/xml"},
                                                                    {"yaml", "application/yaml"},
                                                                    {"yml", "application/yaml"},
                                                                    {"zip", "application/zip"}});
  const std::size_t dot = name.rfind('.');
  const std::string extension =
      dot == std::string_view::npos ? std::string{} : to_lower(name.substr(dot + 1));
  for (const auto& [known, type] : kTypes) {
    if (known == extension) return std::string(type);
  }
  return "application/octet-stream";
}

// The last part of a path of any system, without what a terminal or a file system would trip over.
std::string tidy_name(std::string_view name) {
  const std::size_t slash = name.find_last_of("/\\");
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  std::string tidy;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) tidy += c;
  }
  tidy = std::string(trim(tidy));
  if (!is_utf8(tidy) || tidy.empty() || tidy == "." || tidy == "..") return "file";
  if (tidy.size() <= kMaxNameBytes) return tidy;
  // The end says what kind of file it is.
  std::string_view end = std::string_view(tidy).substr(tidy.size() - kMaxNameBytes);
  while (!end.empty() && !is_utf8(end)) end.remove_prefix(1);
  return std::string(end);
}

// A key is one segment of a path.
std::string new_key(std::string_view name) { return new_id("file") + "-" + std::string(name); }

std::string name_of(std::string_view key) {
  const std::size_t dash = key.find('-');
  return std::string(
      key.starts_with("file_") && dash != std::string_view::npos ? key.substr(dash + 1) : key);
}

std::string presigned(const Core& core, const std::string& key) {
  const std::string& url = core.options.public_url;
  const std::string_view host = std::string_view(url).substr(url.find("://") + 3);
  return url + core.services.files.s3->presigned_target(host, std::string(kBucket), key, kUrlLife);
}

Json file_json(const Core& core, const objects::ObjectInfo& info) {
  const std::string self = "/v1/files/" + net::percent_encode(info.key);
  return {{"key", info.key},
          {"bucket", kBucket},
          {"name", name_of(info.key)},
          {"content_type", info.attributes.content_type},
          {"size", info.size},
          {"etag", info.etag},
          {"created_at", to_rfc3339(info.modified)},
          {"s3_url", fmt::format("s3://{}/{}", kBucket, info.key)},
          {"url", presigned(core, info.key)},
          {"links", {{"self", core.url(self)}, {"content", core.url(self + "/content")}}}};
}

// The field names of the paper's system. Nothing is public here; the presigned URL is what can be
// opened without credentials.
Json paper_json(const Core& core, const objects::ObjectInfo& info) {
  const std::string url = presigned(core, info.key);
  return {{"original_filename", name_of(info.key)},
          {"s3_key", info.key},
          {"s3_url", fmt::format("s3://{}/{}", kBucket, info.key)},
          {"public_url", url},
          {"content_type", info.attributes.content_type},
          {"file_size", info.size},
          {"presigned_url", url}};
}

// Answers and returns false when this installation keeps no files.
bool has_files(const Core& core, Call& call) {
  if (core.services.files.store != nullptr && core.services.files.s3 != nullptr) return true;
  call.fail(Error{ErrorCode::kUnimplemented, "no files are kept here", {}});
  return false;
}

Result<void> ensure_bucket(objects::ObjectStore& store) {
  if (store.bucket(kBucket)) return {};
  auto made = store.create_bucket(std::string(kBucket));
  if (!made && made.error().code != ErrorCode::kAlreadyExists) return made;
  return {};
}

// ---- Taking files in -------------------------------------------------------------------------

enum class Wording { kOurs, kPapers };

// Reads one request's body, a piece at a time: the next is asked for when the one before is on
// disk.
class Reception final : public std::enable_shared_from_this<Reception> {
 public:
  Reception(CorePtr core, CallPtr call, Wording wording)
      : core_(std::move(core)), call_(std::move(call)), wording_(wording) {}

  void start() {
    if (auto ready = prepare(); !ready) return call_->fail(ready.error());
    next();
  }

 private:
  objects::ObjectStore& store() { return *core_->services.files.store; }

  Result<void> prepare() {
    AE_CHECK(ensure_bucket(store()));
    const std::string type(call_->request().header("Content-Type").value_or(""));
    if (to_lower(type).starts_with("multipart/")) {
      AE_TRY(auto reader,
             net::MultipartReader::make(
                 type,
                 {.begin = [this](const net::FormPart& part) { return begin_part(part); },
                  .data = [this](std::string_view data) -> Result<void> {
                    return content_ ? content_->write(data) : Result<void>{};
                  },
                  .end = [this]() -> Result<void> { return content_ ? keep() : Result<void>{}; }}));
      form_.emplace(std::move(reader));
      return {};
    }
    if (wording_ == Wording::kPapers) {
      return fail(ErrorCode::kInvalidArgument,
                  "send the files as a form: curl -F files=@photo.jpg …/upload-files");
    }
    const auto disposition = call_->request().header("Content-Disposition").value_or("");
    return begin(call_->query_parameter("name").value_or(
                     net::header_parameter(disposition, "filename").value_or("file")),
                 type);
  }

  Result<void> begin_part(const net::FormPart& part) {
    if (!part.filename) return {};  // a field beside the files
    if (files_.size() == kMaxFiles) {
      return fail(ErrorCode::kResourceExhausted,
                  fmt::format("one form brings at most {} files", kMaxFiles));
    }
    return begin(*part.filename, part.content_type);
  }

  Result<void> begin(std::string_view name, std::string_view type) {
    name_ = tidy_name(name);
    const bool says_little = type.empty() || type == "application/octet-stream" ||
                             type == "application/x-www-form-urlencoded";
    type_ = says_little ? type_of(name_) : std::string(type);
    AE_TRY(auto content, store().receive());
    content_.emplace(std::move(content));
    return {};
  }

  Result<void> keep() {
    AE_CHECK(content_->seal());
    objects::Attributes attributes;
    attributes.content_type = type_;
    AE_TRY(auto info, store().put(std::string(kBucket), new_key(name_), *std::move(content_),
                                  std::move(attributes)));
    content_.reset();
    files_.push_back(std::move(info));
    return {};
  }

  void next() {
    call_->exchange().read_body([self = shared_from_this()](Result<std::string> piece) {
      auto shared = std::make_shared<Result<std::string>>(std::move(piece));
      if (!self->core_->post(Lane::kWorkers, [self, shared] { self->take(*shared); })) {
        self->call_->fail_overloaded();
      }
    });
  }

  void take(const Result<std::string>& piece) {
    Result<void> taken = piece ? write(*piece) : Result<void>(fail(piece.error()));
    if (!taken) return give_up(taken.error());
    if (!piece->empty()) return next();
    if (form_ && !form_->done()) {
      return give_up(Error{ErrorCode::kInvalidArgument, "the form ends in the middle", {}});
    }
    if (content_) {
      if (auto kept = keep(); !kept) return give_up(kept.error());
    }
    if (files_.empty()) {
      return give_up(Error{ErrorCode::kInvalidArgument,
                           "the form brings no file: curl -F file=@photo.jpg …/v1/files",
                           {}});
    }
    answer();
  }

  Result<void> write(const std::string& piece) {
    if (piece.empty()) return {};
    return form_ ? form_->feed(piece) : content_->write(piece);
  }

  // All files of a request, or none.
  void give_up(const Error& error) {
    std::vector<std::string> keys;
    for (const auto& info : files_) keys.push_back(info.key);
    if (auto removed = store().remove(std::string(kBucket), keys); !removed) {
      log::warning("files of a broken upload stay: {}", removed.error().describe());
    }
    call_->fail(error);
  }

  void answer() {
    Json list = Json::array();
    for (const auto& info : files_) {
      list.push_back(wording_ == Wording::kOurs ? file_json(*core_, info)
                                                : paper_json(*core_, info));
    }
    if (wording_ == Wording::kOurs) {
      return call_->respond_json(201, Json{{"files", std::move(list)}});
    }
    call_->respond_json(200, Json{{"message", fmt::format("Uploaded {} files", files_.size())},
                                  {"uploaded_files", std::move(list)}});
  }

  const CorePtr core_;
  const CallPtr call_;
  const Wording wording_;
  std::optional<net::MultipartReader> form_;
  std::optional<objects::Incoming> content_;  // of the file being received
  std::string name_;
  std::string type_;
  std::vector<objects::ObjectInfo> files_;
};

void upload(const CorePtr& core, const CallPtr& call) {
  if (!has_files(*core, *call)) return;
  std::make_shared<Reception>(core, call, Wording::kOurs)->start();
}

void upload_as_paper(const CorePtr& core, const CallPtr& call) {
  if (!has_files(*core, *call)) return;
  std::make_shared<Reception>(core, call, Wording::kPapers)->start();
}

// ---- Looking at them -------------------------------------------------------------------------

void list_files(const CorePtr& core, const CallPtr& call) {
  if (!has_files(*core, *call)) return;
  Json list = Json::array();
  objects::ListQuery query{.prefix = call->query_parameter("prefix").value_or(""),
                           .after = call->query_parameter("after").value_or(""),
                           .max_keys = 1000};
  Json next;
  if (core->services.files.store->bucket(kBucket)) {
    const auto listing = core->services.files.store->list(std::string(kBucket), query);
    if (!listing) return call->fail(listing.error());
    for (const auto& info : listing->objects) list.push_back(file_json(*core, info));
    if (listing->truncated) next = listing->next;
  }
  Json body = {{"files", std::move(list)}};
  if (!next.is_null()) body["next"] = std::move(next);
  call->respond_json(200, body);
}

Result<objects::OpenObject> find_file(const Core& core, const std::string& key) {
  auto object = core.services.files.store->get(std::string(kBucket), key);
  if (!object && object.error().code == ErrorCode::kNotFound) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no file {}; GET /v1/files lists them", shorten(key, 200)));
  }
  return object;
}

void show_file(const CorePtr& core, const CallPtr& call) {
  if (!has_files(*core, *call)) return;
  const auto file = find_file(*core, call->path_parameter("key"));
  if (!file) return call->fail(file.error());
  call->respond_json(200, file_json(*core, file->info));
}

void show_file_as_paper(const CorePtr& core, const CallPtr& call) {
  if (!has_files(*core, *call)) return;
  const auto file = find_file(*core, call->path_parameter("key"));
  if (!file) return call->fail(file.error());
  Json body = paper_json(*core, file->info);
  body["last_modified"] = to_rfc3339(file->info.modified);
  call->respond_json(200, body);
}

// Never shown as a page of ours: what strangers upload must not run in our origin.
void send_file(const CorePtr& core, const CallPtr& call) {
  if (!has_files(*core, *call)) return;
  const auto file = find_file(*core, call->path_parameter("key"));
  if (!file) return call->fail(file.error());
  net::Headers headers = call->standard_headers();
  headers.emplace_back("Content-Type", file->info.attributes.content_type);
  headers.emplace_back("Content-Disposition", "attachment; filename*=UTF-8''" +
                                                  net::percent_encode(name_of(file->info.key)));
  headers.emplace_back("Content-Security-Policy", "sandbox");
  call->exchange().respond_file({200, std::move(headers), {}}, {file->file, 0, file->info.size});
}

void remove_file(const CorePtr& core, const CallPtr& call) {
  if (!has_files(*core, *call)) return;
  const std::array keys{call->path_parameter("key")};
  if (const auto file = find_file(*core, keys.front()); !file) return call->fail(file.error());
  if (auto removed = core->services.files.store->remove(std::string(kBucket), keys); !removed) {
    return call->fail(removed.error());
  }
  call->respond({204, {}, {}});
}

void remove_file_as_paper(const CorePtr& core, const CallPtr& call) {
  if (!has_files(*core, *call)) return;
  const std::array keys{call->path_parameter("key")};
  if (const auto file = find_file(*core, keys.front()); !file) return call->fail(file.error());
  if (auto removed = core->services.files.store->remove(std::string(kBucket), keys); !removed) {
    return call->fail(removed.error());
  }
  call->respond_json(200,
                     Json{{"success", true}, {"message", fmt::format("Deleted {}", keys.front())}});
}

Json file_schema() {
  return literal(
      R"({"type": "object", "required": ["key", "bucket", "name", "size", "s3_url", "url"],
    "properties": {"key": {"type": "string"}, "bucket": {"type": "string"},
      "name": {"type": "string"}, "content_type": {"type": "string"},
      "size": {"type": "integer"}, "etag": {"type": "string"},
      "created_at": {"type": "string", "format": "date-time"}, "s3_url": {"type": "string"},
      "url": {"type": "string", "description": "Opens without credentials for a week."},
      "links": {"type": "object"}}})");
}

Json files_schema() {
  Json schema = literal(R"({"type": "object", "required": ["files"], "properties":
    {"next": {"type": "string", "description": "Where the list goes on: ?after="}}})");
  schema["properties"]["files"] = {{"type", "array"}, {"items", file_schema()}};
  return schema;
}

Json paper_schema() {
  return literal(R"({"type": "object", "properties": {"original_filename": {"type": "string"},
    "s3_key": {"type": "string"}, "s3_url": {"type": "string"}, "public_url": {"type": "string"},
    "content_type": {"type": "string"}, "file_size": {"type": "integer"},
    "presigned_url": {"type": "string"}, "last_modified": {"type": "string"}}})");
}

Json paper_uploads_schema() {
  Json schema = literal(R"({"type": "object", "required": ["uploaded_files"], "properties":
    {"message": {"type": "string"}}})");
  schema["properties"]["uploaded_files"] = {{"type", "array"}, {"items", paper_schema()}};
  return schema;
}

Route route(std::string method, std::string path, std::string operation_id, std::string summary,
            std::vector<ResponseSpec> responses, Handler handler) {
  return {.method = std::move(method),
          .path = std::move(path),
          .operation_id = std::move(operation_id),
          .tag = "Files",
          .summary = std::move(summary),
          .description = "",
          .parameters = {},
          .body = BodyKind::kNone,
          .request_schema = {},
          .request_example = {},
          .responses = std::move(responses),
          .lane = Lane::kWorkers,
          .handler = handler};
}

}  // namespace

std::vector<Route> file_routes() {
  const Json text = literal(R"({"type": "string", "maxLength": 1024})");
  Route post = route(
      "POST", "/v1/files", "uploadFiles", "Upload files to the local bucket",
      {{201, "Kept; each may be given to a workflow by its s3_url.", files_schema()}}, upload);
  post.description = "A form (multipart/form-data) with one or more files, or the bytes of one.";
  post.body = BodyKind::kStream;
  post.parameters = {{"name", "query", "What a file that comes as bare bytes is called.", text}};
  Route list = route("GET", "/v1/files", "listFiles", "Uploaded files, oldest first",
                     {{200, "At most 1,000.", files_schema()}}, list_files);
  list.parameters = {{"prefix", "query", "Only keys that begin so.", text},
                     {"after", "query", "Only keys behind this one.", text}};
  Route content = route(
      "GET", "/v1/files/{key}/content", "getFileContent", "A file's bytes",
      {{200, "The bytes.", Json{{"type", "string"}, {"format", "binary"}}, "*/*"}}, send_file);
  Route paper = route("POST", "/upload-files", "uploadFilesAsForm",
                      "Upload files, with the paper's field names",
                      {{200, "Kept.", paper_uploads_schema()}}, upload_as_paper);
  paper.body = BodyKind::kStream;
  return {
      std::move(post),
      std::move(list),
      route("GET", "/v1/files/{key}", "getFile", "What is known of a file",
            {{200, "The file.", file_schema()}}, show_file),
      std::move(content),
      route("DELETE", "/v1/files/{key}", "deleteFile", "Remove a file", {{204, "Gone.", {}}},
            remove_file),
      std::move(paper),
      route("GET", "/file-info/{key}", "getFileInfo",
            "What is known of a file, with the paper's field names",
            {{200, "The file.", paper_schema()}}, show_file_as_paper),
      route("DELETE", "/files/{key}", "deleteFileByKey", "Remove a file, as in the paper's system",
            {{200, "Gone.", literal(R"({"type": "object"})")}}, remove_file_as_paper),
  };
}

std::vector<std::string> reserved_bucket_names() {
  // Routes of the paper's system, of neighbours on the same port, and of what is to come.
  std::set<std::string> names{"2015-03-31",
                              "api",
                              "assets",
                              "docs",
                              "execution-status",
                              "files",
                              "file-info",
                              "generate-and-run-workflow",
                              "generate-and-run-workflow-with-files",
                              "generate-api-endpoint",
                              "healthz",
                              "invoke-workflow",
                              "mcp",
                              "metrics",
                              "openapi.json",
                              "readyz",
                              "restructure-workflow",
                              "static",
                              "upload-files",
                              "v1",
                              "workflows",
                              "cleanup-restructured-workflows"};
  for (const Route& each : routes()) {
    const auto parts = split(each.path, '/');
    if (parts.size() > 1 && !parts[1].empty()) names.insert(std::string(parts[1]));
  }
  return {names.begin(), names.end()};
}

}  // namespace ae::gateway
