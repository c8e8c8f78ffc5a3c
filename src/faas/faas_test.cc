// Handlers as people write them, run by real Python processes.
#include <gmock/gmock.h>
#include <signal.h>
#include <stdlib.h>

#include <set>
#include <thread>

#include "faas/faas_engine.h"
#include "faas/internal/test_engine.h"

namespace ae::faas {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals only
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::problem;

class FaasTest : public testing::EngineTest {};

TEST_F(FaasTest, AHandlerGetsTheEventAndItsResultComesBack) {
  const auto greet = function("greet", R"(
def handler(event, context):
    return {"text": "Hello " + event["name"] + " ♪"}
)");
  const auto result = call(greet, {{"name", "Anna"}});
  EXPECT_EQ(problem(result), "");
  EXPECT_EQ(result.output, Json({{"text", "Hello Anna ♪"}}));
  EXPECT_TRUE(result.cold_start);
  EXPECT_EQ(result.log, "");
}

TEST_F(FaasTest, TheContextSaysWhatLambdasSays) {
  auto spec = function("describe", R"(
import os
def handler(event, context):
    return {
        "request": context.aws_request_id, "name": context.function_name,
        "version": context.function_version, "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb, "group": context.log_group_name,
        "stream": context.log_stream_name != "", "client": context.client_context,
        "identity": context.identity.cognito_identity_id,
        "time_is_left": 0 < context.get_remaining_time_in_millis() <= 30000,
        "trace": os.environ["_X_AMZN_TRACE_ID"].startswith("Root=1-"),
    }
)");
  spec->runtime.memory_mb = 192;
  const auto result = wait(begin(spec, Json::object(), "r-77"));
  EXPECT_EQ(problem(result), "");
  EXPECT_EQ(result.output, Json({{"request", "r-77"},
                                 {"name", "describe"},
                                 {"version", "$LATEST"},
                                 {"arn", "arn:aws:lambda:us-east-1:000000000000:function:describe"},
                                 {"memory", "192"},
                                 {"group", "/aws/lambda/describe"},
                                 {"stream", true},
                                 {"client", nullptr},
                                 {"identity", nullptr},
                                 {"time_is_left", true},
                                 {"trace", true}}));
}

TEST_F(FaasTest, TheEnvironmentIsLambdasAndTheFunctionsOwnAndNothingOfTheServers) {
  ASSERT_EQ(::setenv("SERVER_SECRET", "do not tell", 1), 0);
  auto spec = function("environment", R"(
import os
def handler(event, context):
    return dict(os.environ)
)");
  spec->runtime.environment = {{"GREETING", "hi"}, {"LANG", "de_DE.UTF-8"}, {"_HANDLER", "mine"}};
  spec->runtime.state = "";
  const auto result = call(spec);
  ::unsetenv("SERVER_SECRET");
  ASSERT_EQ(problem(result), "");
  std::set<std::string> names;
  for (const auto& [name, value] : result.output.items()) names.insert(name);
  EXPECT_THAT(names, ::testing::IsSubsetOf({"AE_RUNTIME_SOCKET",
                                            "AE_STATE_DIR",
                                            "AWS_DEFAULT_REGION",
                                            "AWS_EXECUTION_ENV",
                                            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                                            "AWS_LAMBDA_FUNCTION_NAME",
                                            "AWS_LAMBDA_FUNCTION_VERSION",
                                            "AWS_LAMBDA_INITIALIZATION_TYPE",
                                            "AWS_LAMBDA_LOG_GROUP_NAME",
                                            "AWS_LAMBDA_LOG_STREAM_NAME",
                                            "AWS_LAMBDA_RUNTIME_API",
                                            "AWS_REGION",
                                            "AWS_XRAY_CONTEXT_MISSING",
                                            "AWS_XRAY_DAEMON_ADDRESS",
                                            "GREETING",
                                            "LAMBDA_RUNTIME_DIR",
                                            "LAMBDA_TASK_ROOT",
                                            "LD_LIBRARY_PATH",
                                            "LANG",
                                            "PATH",
                                            "PYTHONPATH",
                                            "TZ",
                                            "_HANDLER",
                                            "_X_AMZN_TRACE_ID",
                                            "LC_CTYPE" /* Python's own addition */}));
  EXPECT_EQ(result.output["GREETING"], "hi");
  EXPECT_EQ(result.output["LANG"], "de_DE.UTF-8");
  EXPECT_EQ(result.output["_HANDLER"], "app.handler");
  EXPECT_EQ(result.output["TZ"], ":UTC");
  EXPECT_EQ(result.output["AE_STATE_DIR"],
            is_shut_in() ? "/mnt/state" : (home() / "state" / "environment").string());
}

TEST_F(FaasTest, AWorkerInheritsNoDescriptorOfTheServer) {
  const auto spec = function("descriptors", R"(
import os
def handler(event, context):
    return sorted(os.readlink("/proc/self/fd/" + fd).split(":")[0]
                  for fd in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + fd))
)");
  const auto result = call(spec);
  ASSERT_EQ(problem(result), "");
  for (const Json& target : result.output) {
    EXPECT_THAT(target.get<std::string>(),
                ::testing::AnyOf("/dev/null", "pipe", "socket", HasSubstr("/proc/")));
  }
}

TEST_F(FaasTest, AnExceptionBecomesLambdasErrorShapeWithoutOurOwnFrames) {
  const auto spec = function("fails", R"(
def inner():
    raise ValueError("no such user: zoe")
def handler(event, context):
    inner()
)");
  const auto result = call(spec);
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->type, "ValueError");
  EXPECT_EQ(result.error->message, "no such user: zoe");
  ASSERT_EQ(result.error->stack_trace.size(), 2U);
  EXPECT_THAT(result.error->stack_trace[0].get<std::string>(), HasSubstr("app.py\", line 5"));
  EXPECT_THAT(result.error->stack_trace[1].get<std::string>(), HasSubstr("line 3"));
}

TEST_F(FaasTest, AWorkerSurvivesAnExceptionAndKeepsItsModulesState) {
  const auto spec = function("counter", R"(
count = 0
def handler(event, context):
    global count
    count += 1
    if event.get("fail"): raise RuntimeError("on demand")
    return {"count": count}
)");
  EXPECT_EQ(call(spec).output, Json({{"count", 1}}));
  EXPECT_TRUE(call(spec, {{"fail", true}}).error);
  const auto third = call(spec);
  EXPECT_EQ(third.output, Json({{"count", 3}}));
  EXPECT_FALSE(third.cold_start);
  EXPECT_EQ(engine().stats().cold_starts, 1U);
}

TEST_F(FaasTest, AnotherVersionNeverGetsTheOldVersionsWorker) {
  auto old_one = function("versioned", "def handler(e, c): return 'old'");
  EXPECT_EQ(call(old_one).output, "old");
  auto new_one = function("versioned", "def handler(e, c): return 'new'");
  new_one->version = "v2";
  EXPECT_EQ(call(new_one).output, "new");
}

TEST_F(FaasTest, StartUpFaultsAreNamedAsLambdaNamesThem) {
  const auto missing = call(function("missing_import", "import no_such_module_anywhere\n"));
  ASSERT_TRUE(missing.error);
  EXPECT_EQ(missing.error->type, "Runtime.ImportModuleError");
  EXPECT_EQ(missing.error->message,
            "Unable to import module 'app': No module named 'no_such_module_anywhere'");
  ASSERT_EQ(missing.error->stack_trace.size(), 1U);
  EXPECT_THAT(missing.error->stack_trace[0].get<std::string>(), HasSubstr("app.py\", line 1"));

  const auto syntax = call(function("bad_syntax", "def handler(event, context)\n  return 1\n"));
  ASSERT_TRUE(syntax.error);
  EXPECT_EQ(syntax.error->type, "Runtime.UserCodeSyntaxError");
  EXPECT_THAT(syntax.error->message, HasSubstr("Syntax error in module 'app': expected ':'"));

  const auto no_handler = call(function("no_handler", "x = 1\n"));
  ASSERT_TRUE(no_handler.error);
  EXPECT_EQ(no_handler.error->type, "Runtime.HandlerNotFound");
  EXPECT_EQ(no_handler.error->message, "Handler 'handler' missing on module 'app'");

  const auto raises = call(function("raises", "print('loading')\nraise KeyError('region')\n"));
  ASSERT_TRUE(raises.error);
  EXPECT_EQ(raises.error->type, "KeyError");
  EXPECT_EQ(raises.log, "loading\n");

  const auto leaves = call(function("leaves", "import sys\nsys.exit(3)\n"));
  ASSERT_TRUE(leaves.error);
  EXPECT_EQ(leaves.error->type, "Runtime.ExitError");
  EXPECT_EQ(leaves.error->message, "Runtime exited with error: exit status 3");
}

TEST_F(FaasTest, AModuleInAFolderIsFoundWithDotsOrSlashes) {
  const auto spec = function("nested", "", "lib/work.run");
  const std::filesystem::path folder = home() / "packages" / "nested" / "lib";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "work.py") << "def run(event, context): return __name__\n";
  EXPECT_EQ(call(spec).output, "lib.work");
  auto dotted = std::make_shared<dag::FunctionSpec>(*spec);
  std::get<dag::LocalPackage>(dotted->binding).handler = "lib.work.run";
  EXPECT_EQ(call(dotted).output, "lib.work");
  EXPECT_FALSE(std::filesystem::exists(folder / "__pycache__")) << "the package was changed";
}

TEST_F(FaasTest, EveryInvocationAfterAFailedStartFailsWithTheSameReason) {
  const auto spec = function("broken", "import nothing_like_that\n");
  std::vector<std::future<execute::InvocationResult>> all;
  for (int i = 0; i < 20; ++i) all.push_back(begin(spec, Json::object()));
  for (auto& one : all) {
    const auto result = wait(std::move(one));
    ASSERT_TRUE(result.error);
    EXPECT_EQ(result.error->type, "Runtime.ImportModuleError");
  }
  EXPECT_LE(engine().stats().cold_starts, 16U) << "a process was started for each of them";
}

TEST_F(FaasTest, AnInitialisationThatTakesTooLongIsEnded) {
  FaasOptions with = options();
  with.init_timeout = 300ms;
  start(with);
  const auto spec = function("slow_start", "import time\ntime.sleep(600)\n");
  spec->runtime.timeout = 200ms;
  const auto result = call(spec);
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->type, "Sandbox.Timedout");
  EXPECT_EQ(result.error->message, "Task timed out after 0.30 seconds in its initialisation");
}

TEST_F(FaasTest, PrintAndLogLinesBelongToTheirInvocationInTheirOrder) {
  const auto spec = function("talks", R"(
import logging, sys
logging.getLogger().setLevel("INFO")
print("loaded")
def handler(event, context):
    print("before", event["n"])
    logging.info("message %s", event["n"])
    print("after", event["n"], file=sys.stderr)
    sys.stdout.write("no newline")
    return event["n"]
)");
  const auto first = wait(begin(spec, {{"n", 1}}, "r-1"));
  EXPECT_THAT(
      first.log,
      ::testing::MatchesRegex(
          "loaded\nbefore 1\n\\[INFO\\]\t[-0-9]+T[:.0-9]+Z\tr-1\tmessage 1\nafter 1\nno newline"));
  const auto second = wait(begin(spec, {{"n", 2}}, "r-2"));
  EXPECT_THAT(second.log, ::testing::StartsWith("before 2\n"));
  EXPECT_THAT(second.log, HasSubstr("\tr-2\tmessage 2\n"));
}

TEST_F(FaasTest, OutputBetweenTwoInvocationsHeadsTheNextLog) {
  const auto spec = function("afterthought", R"(
import os, threading
wrote = threading.Event()
def later(gate):
    os.read(gate, 1)
    print("from the background", flush=True)
    wrote.set()
def handler(event, context):
    if event.get("wait"):
        wrote.wait()
        print("second")
        return "done"
    read, write = os.pipe()
    threading.Thread(target=later, args=(read,), daemon=True).start()
    # Released by another process, so that it can be after the answer.
    if os.fork() == 0:
        while not os.path.exists(event["file"]): pass
        os.write(write, b"x")
        os._exit(0)
    print("first")
    return "started"
)");
  const std::filesystem::path gate = shared("gate");
  const auto first = call(spec, {{"file", shared_inside("gate")}});
  EXPECT_EQ(problem(first), "");
  EXPECT_EQ(first.log, "first\n");
  std::ofstream(gate) << "open";
  const auto second = call(spec, {{"wait", true}});
  EXPECT_EQ(second.log, "from the background\nsecond\n");
}

TEST_F(FaasTest, FiftyConcurrentInvocationsShareFourWorkers) {
  FaasOptions with = options();
  with.max_workers = 4;
  with.max_workers_per_function = 4;
  start(with);
  const auto spec = function("square", R"(
import time
def handler(event, context):
    print("squaring", event["n"])
    time.sleep(0.01)
    return event["n"] ** 2
)");
  std::vector<std::future<execute::InvocationResult>> all;
  for (int n = 0; n < 50; ++n) all.push_back(begin(spec, {{"n", n}}));
  for (int n = 0; n < 50; ++n) {
    const auto result = wait(std::move(all[static_cast<std::size_t>(n)]));
    EXPECT_EQ(problem(result), "");
    EXPECT_EQ(result.output, n * n);
    EXPECT_EQ(result.log, fmt::format("squaring {}\n", n));
  }
  EXPECT_LE(engine().stats().cold_starts, 4U);
  EXPECT_EQ(engine().stats().queued, 0U);
  EXPECT_EQ(engine().stats().busy, 0U);
}

TEST_F(FaasTest, ASlowFunctionDoesNotKeepAQuickOneWaiting) {
  FaasOptions with = options();
  with.max_workers = 3;
  with.max_workers_per_function = 2;
  start(with);
  const auto slow = function("slow", R"(
import os, time
def handler(event, context):
    while not os.path.exists(event["until"]): time.sleep(0.005)
)");
  const auto quick = function("quick", "def handler(e, c): return 'quick'");
  const std::filesystem::path until = shared("until");
  std::vector<std::future<execute::InvocationResult>> waiting;
  for (int i = 0; i < 20; ++i) waiting.push_back(begin(slow, {{"until", shared_inside("until")}}));
  EXPECT_EQ(call(quick).output, "quick");
  EXPECT_EQ(call(quick).output, "quick");
  EXPECT_GE(engine().stats().queued, 18U) << "the slow ones should still be at it";
  std::ofstream(until) << "now";
  for (auto& one : waiting) EXPECT_EQ(problem(wait(std::move(one))), "");
}

TEST_F(FaasTest, AnIdleWorkerMakesRoomForAnotherFunction) {
  FaasOptions with = options();
  with.max_workers = 2;
  start(with);
  for (const char* name : {"a", "b", "c", "a", "d"}) {
    const auto spec = function(name, "def handler(e, c): return c.function_name");
    EXPECT_EQ(call(spec).output, name);
    EXPECT_LE(engine().stats().workers, 2U);
  }
}

TEST_F(FaasTest, AnIdleWorkerEndsByItselfAfterAWhile) {
  FaasOptions with = options();
  with.idle_timeout = 50ms;
  start(with);
  const auto spec = function("counts", "n = 0\ndef handler(e, c): global n; n += 1; return n");
  EXPECT_EQ(call(spec).output, 1);
  EXPECT_TRUE(eventually([&] { return processes() == 0; }));
  EXPECT_EQ(engine().stats().workers, 0U);
  EXPECT_EQ(call(spec).output, 1);
}

TEST_F(FaasTest, AnAnswerInTheHabitOfApiGatewayIsUnwrapped) {
  auto spec = function("gateway", R"(
import json
def handler(event, context):
    return {"statusCode": event["status"], "body": json.dumps({"message": "so", "n": 5})}
)");
  const auto good = call(spec, {{"status", 200}});
  EXPECT_EQ(good.output, Json({{"message", "so"}, {"n", 5}}));
  const auto bad = call(spec, {{"status", 404}});
  ASSERT_TRUE(bad.error);
  EXPECT_EQ(bad.error->type, "Http404");
  EXPECT_EQ(bad.error->message, "so");
}

TEST_F(FaasTest, StateOfAFunctionSurvivesItsWorker) {
  const auto spec = function("keeps", R"(
import os
def handler(event, context):
    path = os.path.join(os.environ["AE_STATE_DIR"], "count")
    count = int(open(path).read()) + 1 if os.path.exists(path) else 1
    open(path, "w").write(str(count))
    return count
)");
  EXPECT_EQ(call(spec).output, 1);
  start(options());
  EXPECT_EQ(call(spec).output, 2);
}

TEST_F(FaasTest, CancellingEndsARunningInvocationAndDropsAWaitingOne) {
  FaasOptions with = options();
  with.max_workers = 1;
  start(with);
  const auto spec = function("sleeper", R"(
import os, time
def handler(event, context):
    open(event["file"], "w").write("begun")
    time.sleep(600)
)");
  const std::filesystem::path file = shared("begun");
  auto running = begin(spec, {{"file", shared_inside("begun")}}, "running");
  auto waiting = begin(spec, {{"file", shared_inside("begun")}}, "waiting");
  ASSERT_TRUE(eventually([&] { return read_file(file).value_or("") != ""; }));
  EXPECT_EQ(processes(), 1U);
  engine().cancel("nobody");
  engine().cancel("waiting");
  EXPECT_EQ(wait(std::move(waiting)).fault->code, ErrorCode::kCancelled);
  engine().cancel("running");
  EXPECT_EQ(wait(std::move(running)).fault->code, ErrorCode::kCancelled);
  EXPECT_EQ(processes(), 0U) << "the answer came before the process was gone";
}

TEST_F(FaasTest, TheCallersDeadlineHoldsForWaitingAndForRunning) {
  FaasOptions with = options();
  with.max_workers = 1;
  start(with);
  const auto spec = function("sleeper", "import time\ndef handler(e, c): time.sleep(600)");
  auto running = begin(spec, Json::object(), "running", Deadline::after(700ms));
  auto waiting = begin(spec, Json::object(), "waiting", Deadline::after(50ms));
  EXPECT_EQ(wait(std::move(waiting)).fault->code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(wait(std::move(running)).fault->code, ErrorCode::kDeadlineExceeded);
}

TEST_F(FaasTest, WhatCannotRunIsRefusedWithAReason) {
  auto spec = function("fine", "def handler(e, c): return 1");
  EXPECT_TRUE(engine().supports(*spec));
  auto ruby = std::make_shared<dag::FunctionSpec>(*spec);
  std::get<dag::LocalPackage>(ruby->binding).runtime = "ruby3.3";
  EXPECT_THAT(engine().supports(*ruby).error().message, HasSubstr("ruby3.3"));
  EXPECT_EQ(call(ruby).fault->code, ErrorCode::kFailedPrecondition);
  auto gone = std::make_shared<dag::FunctionSpec>(*spec);
  std::get<dag::LocalPackage>(gone->binding).folder = (home() / "gone").string();
  EXPECT_THAT(engine().supports(*gone).error().message, HasSubstr("is missing"));
  EXPECT_EQ(call(gone).fault->code, ErrorCode::kNotFound);
  auto elsewhere = std::make_shared<dag::FunctionSpec>(*spec);
  std::get<dag::LocalPackage>(elsewhere->binding).handler = "other.handler";
  EXPECT_THAT(engine().supports(*elsewhere).error().message, HasSubstr("no module"));
  EXPECT_EQ(call(elsewhere).error->type, "Runtime.ImportModuleError");
  EXPECT_EQ(wait(begin(spec, {}, "a\r\nb: c")).fault->code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(wait(begin(spec, std::string(7 << 20, 'x'))).fault->code,
            ErrorCode::kResourceExhausted);
  EXPECT_EQ(call(spec).output, 1);
}

TEST_F(FaasTest, AFullQueueRefusesInsteadOfGrowing) {
  FaasOptions with = options();
  with.max_workers = 1;
  with.max_queued = 3;
  start(with);
  const auto spec = function("sleeper", "import time\ndef handler(e, c): time.sleep(600)");
  std::vector<std::future<execute::InvocationResult>> all;
  all.push_back(begin(spec, {}, "first"));
  ASSERT_TRUE(eventually([&] { return engine().stats().busy == 1; }));
  for (int i = 0; i < 3; ++i) all.push_back(begin(spec, {}));
  EXPECT_EQ(wait(begin(spec, {})).fault->code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(wait(begin(spec, {}, "first")).fault->code, ErrorCode::kAlreadyExists);
  stop_engine();
  for (auto& one : all) EXPECT_EQ(wait(std::move(one)).fault->code, ErrorCode::kCancelled);
}

TEST_F(FaasTest, AnEngineThatCannotStartSaysWhatToDo) {
  FaasOptions with = options();
  with.python = "/no/such/python3";
  const auto no_python = FaasEngine::start(with);
  ASSERT_FALSE(no_python);
  EXPECT_EQ(no_python.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(no_python.error().message, HasSubstr("apt-get install -y python3"));
  with = options();
  with.run_folder = home() / std::string(120, 'x');
  const auto too_long = FaasEngine::start(with);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace ae::faas
