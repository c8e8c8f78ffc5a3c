// `bootstrap` of the numbers pack: Lambda's custom runtime, one program for all its functions.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "functions.h"
#include "runtime_client.h"

namespace {

using numbers::Function;
using numbers::FunctionError;
using numbers::Invocation;
using numbers::Json;
using numbers::RuntimeClient;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void handle(RuntimeClient& client, Function function, const Invocation& invocation) {
  std::string result;
  try {
    result = function(Json::parse(invocation.event)).dump();
  } catch (const FunctionError& error) {
    return client.fail(invocation.request_id, error.type(), error.what());
  } catch (const Json::exception& error) {
    return client.fail(invocation.request_id, "ValueError", error.what());
  } catch (const std::bad_alloc&) {
    return client.fail(invocation.request_id, "OutOfMemory", "the event needs too much memory");
  }
  client.respond(invocation.request_id, result);
}

int serve() {
  RuntimeClient client(variable("AWS_LAMBDA_RUNTIME_API"));
  const std::string handler = variable("_HANDLER");
  const Function function = numbers::find_function(handler);
  if (function == nullptr) {
    client.fail_init("Runtime.HandlerNotFound", "this package has no function " + handler);
    return 1;
  }
  while (true) handle(client, function, client.next());
}

}  // namespace

int main() {
  try {
    return serve();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bootstrap: %s\n", error.what());
    return 1;
  }
}
