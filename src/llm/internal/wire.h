// The two wire formats as pure translations: from a question to an HTTP request, and from what came
// back to a reply. No network, no clock.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "llm/chat_model.h"
#include "llm/settings.h"
#include "net/http_message.h"

namespace ae::llm {

// What a server turned out not to take, learned from its complaints (status 400) and remembered.
enum class Quirk {
  kNoStrictSchema,   // then JSON mode
  kNoJsonMode,       // then the schema in words only
  kOtherTokenLimit,  // max_tokens for max_completion_tokens, or the other way round
  kNoTemperature,
  kNoSeed,
  kNoStreamOptions,
};
using Quirks = std::set<Quirk>;

enum class Ending { kComplete, kCutOff, kRefused, kMissing };

struct RawReply {
  std::string text;
  std::string refusal;
  std::string model;
  Ending ending = Ending::kMissing;
  Usage usage;  // tokens only
};

// Takes an answer in either form: as events, piece by piece, or as one document.
class ReplyReader {
 public:
  virtual ~ReplyReader() = default;
  // One event's data. Returns the text that it adds. Errors: kModelReply for what is no event of
  // this wire; kUnavailable and others for an error that the server reports in mid-stream.
  virtual Result<std::string> on_event(std::string_view data) = 0;
  virtual Result<void> on_document(std::string_view body) = 0;
  virtual RawReply take() = 0;
};

class WireFormat {
 public:
  virtual ~WireFormat() = default;
  virtual net::Request request(const ModelSettings& settings, const ChatRequest& request,
                               const Quirks& quirks) const = 0;
  virtual std::unique_ptr<ReplyReader> reader() const = 0;
};

const WireFormat& wire_format(Wire wire);

// "https://host/base?query" and "/path" -> origin "https://host" and target "/base/path?query".
struct Address {
  std::string origin;
  std::string target;
};
Address address_of(std::string_view base_url, std::string_view path);

void add_key(net::Request& request, const ModelSettings& settings);

// The words that ask for JSON where the server cannot be made to enforce it.
std::string schema_in_words(const Json& schema);

// What the server's complaint says that it does not take, among what was sent.
// nullopt when the complaint is about something else.
std::optional<Quirk> quirk_of(std::string_view complaint, const ChatRequest& request,
                              const Quirks& known);

// The error of a body {"error": {"message", "type", "code"}} or of any text; never the key.
struct Complaint {
  std::string message;
  std::string type;  // and code, joined
};
Complaint complaint_of(std::string_view body, const ModelSettings& settings);

// An event's error object as ours: overloaded and rate limits are retryable.
Error error_of(const Complaint& complaint, int status, const ModelSettings& settings);

}  // namespace ae::llm
