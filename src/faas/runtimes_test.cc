// Node handlers of every style, compiled and scripted runtimes, and what is refused and why.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "base/file.h"
#include "faas/faas_engine.h"
#include "faas/internal/interpreter.h"
#include "faas/internal/test_engine.h"

namespace ae::faas {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals only
using execute::InvocationResult;
using ::testing::HasSubstr;
using testing::problem;
using ::testing::StartsWith;

class RuntimesTest : public testing::EngineTest {
 protected:
  // A package of these files (path -> text); a `bootstrap` is executable.
  std::shared_ptr<dag::FunctionSpec> package(const std::string& name, const std::string& runtime,
                                             const std::string& handler,
                                             const std::map<std::string, std::string>& files) {
    auto spec = function(name, "", handler);
    auto& local = std::get<dag::LocalPackage>(spec->binding);
    local.runtime = runtime;
    const std::filesystem::path folder = local.folder;
    std::filesystem::remove(folder / "app.py");
    for (const auto& [path, text] : files) {
      std::filesystem::create_directories((folder / path).parent_path());
      std::ofstream(folder / path) << text;
      if (path == "bootstrap") ::chmod((folder / path).c_str(), 0755);
    }
    return spec;
  }
  std::shared_ptr<dag::FunctionSpec> node(const std::string& name, const std::string& code,
                                          const std::string& file = "index.js") {
    return package(name, "nodejs20.x", "index.handler", {{file, code}});
  }
};

class NodeTest : public RuntimesTest {
 protected:
  void SetUp() override {
    if (!version_of("/usr/bin/node")) GTEST_SKIP() << "there is no /usr/bin/node";
  }
};

TEST_F(NodeTest, AsyncCallbackAndSynchronousHandlersAnswer) {
  const auto async_one = node("async", R"(
exports.handler = async (event) => ({ text: `Hello ${event.name} ♪` });
)");
  const auto first = call(async_one, {{"name", "Anna"}});
  EXPECT_EQ(problem(first), "");
  EXPECT_EQ(first.output, Json({{"text", "Hello Anna ♪"}}));
  EXPECT_TRUE(first.cold_start);
  EXPECT_EQ(call(node("callback", R"(
exports.handler = (event, context, callback) => { setTimeout(() => callback(null, event.n + 1), 5); };
)"),
                 {{"n", 41}})
                .output,
            42);
  EXPECT_EQ(
      call(node("legacy", "exports.handler = (e, context) => context.succeed('done');")).output,
      "done");
  EXPECT_EQ(call(node("silent", "exports.handler = () => {};")).output, nullptr);
}

TEST_F(NodeTest, ModulesAreFoundByLambdasRules) {
  EXPECT_EQ(call(node("esm", "export const handler = async () => 'mjs';", "index.mjs")).output,
            "mjs");
  EXPECT_EQ(call(node("cjs", "exports.handler = async () => 'cjs';", "index.cjs")).output, "cjs");
  EXPECT_EQ(call(package("typed", "nodejs20.x", "index.handler",
                         {{"index.js", "export const handler = async () => 'typed';"},
                          {"package.json", R"({"type": "module"})"}}))
                .output,
            "typed");
  EXPECT_EQ(call(package("deep", "nodejs18.x", "src/lib/app.api.run",
                         {{"src/lib/app.js", "exports.api = { run: async () => 'deep' };"}}))
                .output,
            "deep");
  EXPECT_EQ(call(package("modules", "nodejs20.x", "index.handler",
                         {{"index.mjs",
                           "import { name } from 'dep';\n"
                           "const later = await Promise.resolve('awaited');\n"
                           "export const handler = async () => name + ' ' + later;"},
                          {"node_modules/dep/index.js", "exports.name = 'dep';"}}))
                .output,
            "dep awaited");
}

TEST_F(NodeTest, TheContextSaysWhatLambdasSays) {
  auto spec = node("describe", R"(
exports.handler = async (event, context) => ({
  request: context.awsRequestId, name: context.functionName, version: context.functionVersion,
  arn: context.invokedFunctionArn, memory: context.memoryLimitInMB, group: context.logGroupName,
  stream: context.logStreamName.length > 0, waits: context.callbackWaitsForEmptyEventLoop,
  time: context.getRemainingTimeInMillis() > 0 && context.getRemainingTimeInMillis() <= 30000,
  custom: context.clientContext.custom.a, who: context.identity.cognitoIdentityId,
  trace: process.env._X_AMZN_TRACE_ID, env: process.env.AWS_EXECUTION_ENV,
});
)");
  spec->runtime.memory_mb = 192;
  execute::Invocation invocation;
  invocation.request_id = "r-77";
  invocation.function = spec;
  invocation.input = Json::object();
  invocation.client_context = R"({"custom":{"a":"b"}})";
  invocation.cognito_identity = R"({"cognitoIdentityId":"me","cognitoIdentityPoolId":"pool"})";
  invocation.trace_id = "Root=1-2-3;Sampled=1";
  std::promise<InvocationResult> promise;
  engine().invoke(std::move(invocation),
                  [&](InvocationResult done) { promise.set_value(std::move(done)); });
  const auto result = wait(promise.get_future());
  EXPECT_EQ(problem(result), "");
  EXPECT_EQ(result.output, Json({{"request", "r-77"},
                                 {"name", "describe"},
                                 {"version", "$LATEST"},
                                 {"arn", "arn:aws:lambda:us-east-1:000000000000:function:describe"},
                                 {"memory", "192"},
                                 {"group", "/aws/lambda/describe"},
                                 {"stream", true},
                                 {"waits", true},
                                 {"time", true},
                                 {"custom", "b"},
                                 {"who", "me"},
                                 {"trace", "Root=1-2-3;Sampled=1"},
                                 {"env", "AWS_Lambda_nodejs20.x"}}));
}

TEST_F(NodeTest, ErrorsHaveLambdasShapeAndTheWorkerLivesOn) {
  const auto spec = node("fails", R"(
let calls = 0;
class NoSuchUser extends Error { constructor(m) { super(m); this.name = 'NoSuchUser'; } }
exports.handler = async (event) => {
  ++calls;
  if (event.kind === 'error') throw new NoSuchUser('no such user: zoe');
  if (event.kind === 'text') throw 'just text';
  return calls;
};
)");
  const auto error = call(spec, {{"kind", "error"}});
  ASSERT_TRUE(error.error) << problem(error);
  EXPECT_EQ(error.error->type, "NoSuchUser");
  EXPECT_EQ(error.error->message, "no such user: zoe");
  ASSERT_GE(error.error->stack_trace.size(), 2U);
  EXPECT_EQ(error.error->stack_trace[0], "NoSuchUser: no such user: zoe");
  EXPECT_THAT(error.error->stack_trace[1].get<std::string>(), HasSubstr("index.js:6"));
  const auto text = call(spec, {{"kind", "text"}});
  ASSERT_TRUE(text.error);
  EXPECT_EQ(text.error->type, "string");
  EXPECT_EQ(text.error->message, "just text");
  EXPECT_EQ(call(spec).output, 3);
  EXPECT_EQ(engine().stats().cold_starts, 1U);

  const auto callback = call(node("callback", R"(
exports.handler = (event, context, callback) => callback(new TypeError('bad'));
)"));
  ASSERT_TRUE(callback.error);
  EXPECT_EQ(callback.error->type, "TypeError");
  const auto thrown = call(node("throws", "exports.handler = () => { null.x; };"));
  ASSERT_TRUE(thrown.error);
  EXPECT_EQ(thrown.error->type, "TypeError");
  const auto circular =
      call(node("circular", "exports.handler = async () => { const a = {}; a.a = a; return a; };"));
  ASSERT_TRUE(circular.error);
  EXPECT_EQ(circular.error->message, "Unable to stringify response body");
}

TEST_F(NodeTest, WhatNobodyCatchesEndsTheProcessInLambdasWords) {
  const auto rejection = call(node("rejects", R"(
exports.handler = () => { Promise.reject(new Error('lost')); return new Promise(() => setTimeout(() => {}, 60000)); };
)"));
  ASSERT_TRUE(rejection.error);
  EXPECT_EQ(rejection.error->type, "Runtime.UnhandledPromiseRejection");
  EXPECT_EQ(rejection.error->message, "Error: lost");
  const auto spec = node("late", R"(
exports.handler = (event) => new Promise((resolve) => {
  if (event.fine) return resolve('fine');
  setTimeout(() => { throw new RangeError('thrown later'); }, 1);
});
)");
  const auto exception = call(spec);
  ASSERT_TRUE(exception.error);
  EXPECT_EQ(exception.error->type, "RangeError");
  EXPECT_EQ(exception.error->message, "thrown later");
  EXPECT_EQ(call(spec, {{"fine", true}}).output, "fine");
  const auto leaves = call(node("leaves", "exports.handler = async () => process.exit(3);"));
  ASSERT_TRUE(leaves.error);
  EXPECT_EQ(leaves.error->type, "Runtime.ExitError");
  EXPECT_EQ(leaves.error->message, "Runtime exited with error: exit status 3");
}

TEST_F(NodeTest, StartUpFaultsAreNamedAsLambdaNamesThem) {
  const auto missing = call(node("missing", "require('no-such-module');"));
  ASSERT_TRUE(missing.error);
  EXPECT_EQ(missing.error->type, "Runtime.ImportModuleError");
  EXPECT_THAT(missing.error->message, StartsWith("Error: Cannot find module 'no-such-module'"));
  const auto missing_esm = call(node("missing_esm", "import 'no-such-module';", "index.mjs"));
  ASSERT_TRUE(missing_esm.error);
  EXPECT_EQ(missing_esm.error->type, "Runtime.ImportModuleError");
  const auto syntax = call(node("syntax", "exports.handler = async ( => 1;"));
  ASSERT_TRUE(syntax.error);
  EXPECT_EQ(syntax.error->type, "Runtime.UserCodeSyntaxError");
  EXPECT_THAT(syntax.error->message, StartsWith("SyntaxError: "));
  const auto absent = call(node("absent", "exports.other = 1;"));
  ASSERT_TRUE(absent.error);
  EXPECT_EQ(absent.error->type, "Runtime.HandlerNotFound");
  EXPECT_EQ(absent.error->message, "index.handler is undefined or not exported");
  const auto raises =
      call(node("raises", "console.log('loading'); throw new RangeError('region');"));
  ASSERT_TRUE(raises.error);
  EXPECT_EQ(raises.error->type, "RangeError");
  EXPECT_THAT(raises.log, HasSubstr("\tundefined\tINFO\tloading\n"));
}

TEST_F(NodeTest, ACallbackWaitsForTheEventLoopUnlessToldNotTo) {
  const auto spec = node("waits", R"(
let finished = 0;
exports.handler = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = event.wait;
  setTimeout(() => { ++finished; console.log('after', finished); }, 20);
  callback(null, 'result');
};
)");
  const auto waited = call(spec, {{"wait", true}});
  EXPECT_EQ(problem(waited), "");
  EXPECT_EQ(waited.output, "result");
  EXPECT_THAT(waited.log, HasSubstr("INFO\tafter 1\n"));
  const auto at_once = call(spec, {{"wait", false}});
  EXPECT_EQ(at_once.output, "result");
  EXPECT_THAT(at_once.log, ::testing::Not(HasSubstr("after 2")));
}

TEST_F(NodeTest, AStreamedResponseIsOneResult) {
  EXPECT_EQ(call(node("stream", R"(
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.write('{"parts": ');
  await new Promise((resolve) => setTimeout(resolve, 5));
  stream.write('[1, 2]}');
  stream.end();
});
)"))
                .output,
            Json({{"parts", {1, 2}}}));
  EXPECT_EQ(call(node("text", R"(
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.setContentType('text/plain'); stream.write('plain '); stream.end('text');
});
)"))
                .output,
            "plain text");
  EXPECT_EQ(call(node("http", R"(
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const http = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { a: 'b' } });
  http.write('{"made": true}'); http.end();
});
)"))
                .output,
            Json({{"made", true}}));
  const auto spec = node("midway", R"(
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  if (!event.fail) return stream.end('"fine"');
  if (event.fail !== 'early') stream.write('"half');
  throw new RangeError('broke off');
});
)");
  for (const char* when : {"early", "midway"}) {
    const auto failed = call(spec, {{"fail", when}});
    ASSERT_TRUE(failed.error) << when;
    EXPECT_EQ(failed.error->type, "RangeError");
    EXPECT_EQ(failed.error->message, "broke off");
  }
  EXPECT_EQ(call(spec).output, "fine");
  EXPECT_EQ(engine().stats().cold_starts, 4U);
}

TEST_F(NodeTest, LayersAreSearched) {
  auto spec = node("layered", "exports.handler = async () => require('from-layer').name;");
  const std::filesystem::path layer = home() / "layer";
  std::filesystem::create_directories(layer / "nodejs/node_modules/from-layer");
  std::ofstream(layer / "nodejs/node_modules/from-layer/index.js") << "exports.name = 'layer';";
  std::get<dag::LocalPackage>(spec->binding).layers = {layer.string()};
  const auto result = call(spec);
  EXPECT_EQ(problem(result), "");
  EXPECT_EQ(result.output, "layer");
}

TEST_F(NodeTest, LinesOfTheLogBelongToTheirInvocation) {
  const auto spec = node("talks", R"(
exports.handler = async (event) => { console.log('hello %s', event.who); console.error({ a: 1 }); };
)");
  EXPECT_THAT(call(spec, {{"who", "Anna"}}).log,
              ::testing::MatchesRegex("[-0-9T:.]+Z\trequest-1\tINFO\thello Anna\n"
                                      "[-0-9T:.]+Z\trequest-1\tERROR\t\\{ a: 1 \\}\n"));
  EXPECT_THAT(call(spec, {{"who", "Bo"}}).log, HasSubstr("request-2\tINFO\thello Bo\n"));
}

TEST_F(RuntimesTest, AShellScriptIsARuntime) {
  const auto spec = package("shell", "provided.al2023", "", {{"bootstrap", R"(#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
calls=0
while :; do
  calls=$((calls + 1))
  event=$(curl -sS --noproxy '*' -D "$AE_STATE_DIR/head" "$api/invocation/next")
  id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: //p' "$AE_STATE_DIR/head" | tr -d '\r')
  echo "call $calls of $_HANDLER$AWS_EXECUTION_ENV"
  case "$event" in
    *fail*) curl -sS --noproxy '*' -o /dev/null -H 'Lambda-Runtime-Function-Error-Type: Shell.Failed' \
      -d '{"errorMessage": "on demand", "errorType": "Failed"}' "$api/invocation/$id/error" ;;
    *) echo "{\"calls\": $calls, \"event\": $event}" | curl -sS --noproxy '*' -o /dev/null \
      -H 'Transfer-Encoding: chunked' -d @- "$api/invocation/$id/response" ;;
  esac
done
)"}});
  const auto first = call(spec, {{"a", 1}});
  EXPECT_EQ(problem(first), "");
  EXPECT_EQ(first.output, Json({{"calls", 1}, {"event", {{"a", 1}}}}));
  EXPECT_THAT(first.log, HasSubstr("call 1 of \n"));
  const auto failed = call(spec, {{"fail", 1}});
  ASSERT_TRUE(failed.error);
  EXPECT_EQ(failed.error->type, "Failed");
  EXPECT_EQ(failed.error->message, "on demand");
  EXPECT_EQ(call(spec).output["calls"], 3);
}

TEST_F(RuntimesTest, AFunctionThatCannotRunHereIsRefusedWithTheWayOut) {
  const auto refusal = [&](const std::string& runtime, const std::string& handler,
                           const std::map<std::string, std::string>& files) {
    const Result<void> supported = engine().supports(*package("refused", runtime, handler, files));
    EXPECT_FALSE(supported);
    if (supported) return std::string();
    EXPECT_EQ(supported.error().code, ErrorCode::kFailedPrecondition);
    return supported.error().message;
  };
  EXPECT_THAT(refusal("java21", "Handler::run", {}), HasSubstr("provided.al2023"));
  EXPECT_THAT(refusal("go1.x", "main", {}), HasSubstr("executable `bootstrap`"));
  EXPECT_THAT(refusal("provided.al2", "", {}), HasSubstr("no file `bootstrap`"));
  EXPECT_THAT(refusal("nodejs20.x", "index", {}), HasSubstr("index.handler"));
  EXPECT_THAT(refusal("python3.11", "app.handler", {}), HasSubstr("no module for the handler"));
  const auto script = package("script", "provided", "", {{"bootstrap", "#!/bin/sh\n"}});
  ::chmod((std::filesystem::path(std::get<dag::LocalPackage>(script->binding).folder) / "bootstrap")
              .c_str(),
          0644);
  EXPECT_THAT(engine().supports(*script).error().message, HasSubstr("chmod +x"));
  dag::FunctionSpec remote;
  remote.name = "remote";
  remote.binding = dag::LambdaFunction{.arn = "arn:aws:lambda:eu-west-1:123456789012:function:f"};
  EXPECT_EQ(engine().supports(remote).error().code, ErrorCode::kFailedPrecondition);
  const auto called = call(std::make_shared<dag::FunctionSpec>(remote));
  ASSERT_TRUE(called.fault);
  EXPECT_EQ(called.fault->code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(called.fault->message, HasSubstr("runs only on AWS"));
}

TEST_F(RuntimesTest, AMissingInterpreterIsNamedWithItsPackageAndOnlyWhenItIsNeeded) {
  FaasOptions with = options();
  with.node = home() / "no_such_node";
  start(with);
  const auto spec = node("orphan", "exports.handler = async () => 1;");
  EXPECT_THAT(engine().supports(*spec).error().message, HasSubstr("apt-get install -y nodejs"));
  const auto result = call(spec);
  ASSERT_TRUE(result.fault);
  EXPECT_EQ(result.fault->code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(result.fault->message, HasSubstr("AE_NODE"));
  EXPECT_EQ(call(function("fine", "def handler(e, c): return 1")).output, 1);
}

TEST_F(RuntimesTest, AnotherVersionIsAWarningAndWithStrictRuntimesARefusal) {
  auto spec = function("other", "def handler(e, c): return 'ran'");
  std::get<dag::LocalPackage>(spec->binding).runtime = "python3.99";
  EXPECT_TRUE(engine().supports(*spec));
  EXPECT_EQ(call(spec).output, "ran");
  FaasOptions with = options();
  with.strict_runtimes = true;
  start(with);
  EXPECT_THAT(engine().supports(*spec).error().message, HasSubstr("declares python3.99"));
  EXPECT_TRUE(call(spec).fault);
  std::get<dag::LocalPackage>(spec->binding).runtime = "python3";
  EXPECT_TRUE(engine().supports(*spec));
}

TEST_F(RuntimesTest, PythonFindsLayersBeforeTheSystemsPackages) {
  auto spec = function("layered", R"(
import os, sys
import from_layer, json
def handler(event, context):
    return {"name": from_layer.NAME, "first": sys.path[0] == os.environ["LAMBDA_TASK_ROOT"], "json": json.NAME,
            "exit": callable(exit) and callable(help)}
)");
  auto& local = std::get<dag::LocalPackage>(spec->binding);
  const std::filesystem::path layers = home();
  for (const char* layer : {"one", "two"}) {
    std::filesystem::create_directories(layers / layer / "python");
    std::ofstream(layers / layer / "python/from_layer.py") << "NAME = '" << layer << "'\n";
    local.layers.push_back((layers / layer).string());
  }
  std::ofstream(layers / "one/python/json.py") << "NAME = 'shadowed, as on Lambda'\n";
  const auto result = call(spec);
  EXPECT_EQ(problem(result), "");
  EXPECT_EQ(
      result.output,
      Json({{"name", "two"}, {"first", true}, {"json", "shadowed, as on Lambda"}, {"exit", true}}));
}

TEST_F(RuntimesTest, VersionsAreReadFromRuntimesAndFromWhatInterpretersSay) {
  EXPECT_EQ(parse_version("python3.11"), (Version{3, 11}));
  EXPECT_EQ(parse_version("Python 3.12.1+"), (Version{3, 12}));
  EXPECT_EQ(parse_version("v20.20.2\n"), (Version{20, 20}));
  EXPECT_EQ(parse_version("nodejs22.x"), (Version{22, 0}));
  EXPECT_EQ(parse_version("provided"), std::nullopt);
}

}  // namespace
}  // namespace ae::faas
