// Functions that misbehave: each ends alone, is named, and leaves nothing behind.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "faas/faas_engine.h"
#include "faas/internal/test_engine.h"

namespace ae::faas {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals only
using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::problem;

class HostileTest : public testing::EngineTest {
 protected:
  // Nobody else may have noticed.
  void expect_others_go_on() {
    const auto spec = function("bystander", "def handler(e, c): return 'fine'");
    EXPECT_EQ(call(spec).output, "fine");
    EXPECT_EQ(engine().stats().busy, 0U);
  }

  std::string error_type(std::string_view handler_body, std::chrono::milliseconds timeout = 30s) {
    auto spec = function("hostile",
                         "import json, os, signal, sys, time\n"
                         "def handler(event, context):\n" +
                             std::string(handler_body));
    spec->runtime.timeout = timeout;
    spec->version = sha_of(handler_body);
    last_ = call(spec);
    expect_others_go_on();
    return last_.error ? last_.error->type : "none";
  }
  static std::string sha_of(std::string_view text) {
    return std::to_string(std::hash<std::string_view>{}(text));
  }

  // An executable that is started in place of the interpreter and its runtime client.
  FaasOptions with_runtime(std::string_view code) {
    FaasOptions with = options();
    with.python = home() / "runtime_program";
    std::ofstream(with.python)
        << "#!/usr/bin/python3\n"
           "import os, socket, sys, time\n"
           "path = os.environ['AE_RUNTIME_SOCKET']\n"
           "def connect():\n"
           "    s = socket.socket(socket.AF_UNIX); s.connect(path); return s\n"
           "api = '/2018-06-01/runtime'\n"
           "def request(s, method, target, body=b'', headers=''):\n"
           "    s.sendall(f'{method} {api}{target} HTTP/1.1\\r\\nHost: runtime\\r\\n{headers}'\n"
           "              f'Content-Length: {len(body)}\\r\\n\\r\\n'.encode() + body)\n"
           "    return reply(s)\n"
           "def reply(s):\n"
           "    data = b''\n"
           "    while b'\\r\\n\\r\\n' not in data:\n"
           "        got = s.recv(1)\n"
           "        if not got: return 'closed', ''\n"
           "        data += got\n"
           "    head = data.decode()\n"
           "    size = int(head.split('Content-Length: ')[1].split('\\r')[0])\n"
           "    body = b''\n"
           "    while len(body) < size: body += s.recv(size - len(body))\n"
           "    return head.split()[1], head\n"
           "def next_id(s):\n"
           "    return request(s, 'GET', '/invocation/next')[1]"
           ".split('Request-Id: ')[1].split('\\r')[0]\n"
        << code;
    ::chmod(with.python.c_str(), 0755);
    return with;
  }

  execute::InvocationResult last_;
};

TEST_F(HostileTest, AFunctionThatTakesTooLongIsEndedAtItsLimit) {
  EXPECT_EQ(error_type("    time.sleep(600)", 250ms), "Sandbox.Timedout");
  EXPECT_EQ(last_.error->message, "Task timed out after 0.25 seconds");
  EXPECT_EQ(error_type("    print('turning')\n    while True: pass", 3s), "Sandbox.Timedout");
  EXPECT_EQ(last_.log, "turning\n") << "what it printed before helps to find out why";
}

TEST_F(HostileTest, AFunctionThatStopsItselfIsEndedAtItsLimit) {
  EXPECT_EQ(error_type("    os.kill(os.getpid(), signal.SIGSTOP)", 250ms), "Sandbox.Timedout");
}

TEST_F(HostileTest, AFunctionThatIgnoresSignalsIsEndedAtItsLimit) {
  EXPECT_EQ(error_type("    for s in range(1, 32):\n"
                       "        if s not in (9, 17, 19): signal.signal(s, signal.SIG_IGN)\n"
                       "    while True: time.sleep(1)",
                       250ms),
            "Sandbox.Timedout");
}

TEST_F(HostileTest, LeavingInTheMiddleOfAnInvocationIsNamed) {
  EXPECT_EQ(error_type("    print('bye')\n    sys.exit(7)"), "Runtime.ExitError");
  EXPECT_EQ(last_.error->message, "Runtime exited with error: exit status 7");
  EXPECT_EQ(last_.log, "bye\n");
  EXPECT_EQ(error_type("    os._exit(0)"), "Runtime.ExitError");
  EXPECT_EQ(last_.error->message, "Runtime exited without providing a reason");
  EXPECT_EQ(error_type("    os.kill(os.getpid(), signal.SIGSEGV)"), "Runtime.ExitError");
  EXPECT_EQ(last_.error->message, "Runtime exited with error: signal: segmentation fault");
}

TEST_F(HostileTest, ResultsThatAreNoJsonAreNamed) {
  EXPECT_EQ(error_type("    return {1, 2}"), "Runtime.MarshalError");
  EXPECT_EQ(last_.error->message,
            "Unable to marshal response: Object of type set is not JSON serializable");
  EXPECT_EQ(error_type("    return float('nan')"), "Runtime.MarshalError");
  EXPECT_EQ(error_type("    a = []; a.append(a); return a"), "Runtime.MarshalError");
  EXPECT_EQ(error_type("    a = []\n    for _ in range(100000): a = [a]\n    return a"),
            "Runtime.MarshalError");
  EXPECT_EQ(error_type("    return {1: 'a', '1': 'b'}"), "Runtime.InvalidResponse");
}

TEST_F(HostileTest, AnErrorWhoseTextCannotBeMadeIsStillReported) {
  EXPECT_EQ(error_type("    class Odd(Exception):\n"
                       "        def __str__(self): raise RuntimeError('no text')\n"
                       "    raise Odd()"),
            "Odd");
}

TEST_F(HostileTest, AResponseOfTenMegabytesIsRefusedAndTheWorkerServesOn) {
  auto spec = function("large",
                       "import os\n"
                       "def handler(e, c): return 'x' * e['size'] if e['size'] else os.getpid()");
  const auto pid = call(spec, {{"size", 0}}).output;
  const auto large = call(spec, {{"size", 10'000'000}});
  ASSERT_TRUE(large.error);
  EXPECT_EQ(large.error->type, "Function.ResponseSizeTooLarge");
  EXPECT_EQ(call(spec, {{"size", 0}}).output, pid);
  EXPECT_EQ(call(spec, {{"size", 6'000'000}}).output.get<std::string>().size(), 6'000'000U);
}

TEST_F(HostileTest, AFloodOfOutputIsCutAndSaysSo) {
  FaasOptions with = options();
  with.max_log_bytes = 5000;
  start(with);
  EXPECT_EQ(error_type("    print('x' * 20000)"), "none");
  EXPECT_LE(last_.log.size(), 5200U);
  EXPECT_THAT(last_.log,
              HasSubstr("\n[15001 more bytes were printed and dropped: a log holds 5000]"));
  EXPECT_EQ(error_type("    while True: print('y' * 1000)", 300ms), "Sandbox.Timedout");
  EXPECT_LE(last_.log.size(), 5200U);
  EXPECT_EQ(error_type("    os.close(1); os.close(2); return 5"), "none");
}

TEST_F(HostileTest, MemoryBeyondTheLimitIsRefusedToTheFunctionAlone) {
  EXPECT_THAT(error_type("    return len(bytearray(2 * 1024 ** 3))"),
              AnyOf("MemoryError", "Runtime.ExitError"));
  EXPECT_EQ(error_type("    return len(bytearray(64 * 1024 ** 2))"), "none") << "half of 128 MB";
}

TEST_F(HostileTest, ProcessesThatAHandlerLeavesBehindEndWithItsWorker) {
  // One in the worker's group, one in a group of its own, one in a session of its own.
  const auto spec = function("parent", R"(
import os, time
def handler(event, context):
    for escape in (lambda: None, os.setpgrp, os.setsid):
        read, write = os.pipe()
        if os.fork() == 0:
            escape()
            os.write(write, b"x")
            while True: time.sleep(600)
        os.read(read, 1)
)");
  EXPECT_EQ(problem(call(spec)), "");
  EXPECT_EQ(processes(), 4U) << "a worker keeps its own";
  stop_engine();
  EXPECT_EQ(processes(), 0U);
}

TEST_F(HostileTest, AChildThatKeepsTheOutputOpenDelaysNobody) {
  EXPECT_EQ(error_type("    if os.fork() == 0:\n        time.sleep(600)\n    os._exit(4)"),
            "Runtime.ExitError");
}

TEST_F(HostileTest, TheEndOfTheEngineIsTheEndOfEveryWorker) {
  const auto spec = function("waits", R"(
import time
def handler(event, context):
    open(event["file"], "w").write("begun")
    time.sleep(600)
)");
  std::vector<std::future<execute::InvocationResult>> all;
  for (int i = 0; i < 4; ++i) {
    all.push_back(begin(spec, {{"file", shared_inside(std::to_string(i))}}));
  }
  for (int i = 0; i < 4; ++i) {
    const std::filesystem::path file = shared(std::to_string(i));
    ASSERT_TRUE(eventually([&] { return read_file(file).value_or("") != ""; }));
  }
  EXPECT_EQ(processes(), 4U);
  stop_engine();
  for (auto& one : all) EXPECT_EQ(wait(std::move(one)).fault->code, ErrorCode::kCancelled);
  EXPECT_EQ(processes(), 0U);
  EXPECT_TRUE(std::ranges::none_of(std::filesystem::directory_iterator(home() / "run"),
                                   [](const auto& e) { return e.path().extension() == ".sock"; }));
}

TEST_F(HostileTest, AKilledServerTakesItsWorkersAlongAndTheNextOneWhatTheyLeft) {
  const auto spec = function("orphans", R"(
import os, time
def handler(event, context):
    if os.fork() == 0:
        os.setsid()
        while True: time.sleep(600)
    open(event["file"], "w").write("begun")
    time.sleep(600)
)");
  const std::filesystem::path file = shared("begun");
  const pid_t server = ::fork();
  ASSERT_GE(server, 0);
  if (server == 0) {
    begin(spec, {{"file", shared_inside("begun")}});
    while (true) ::pause();
  }
  const bool begun = eventually([&] { return read_file(file).value_or("") == "begun"; });
  const std::size_t lived = processes();
  ::kill(server, SIGKILL);
  ::waitpid(server, nullptr, 0);
  ASSERT_TRUE(begun);
  EXPECT_EQ(lived, 2U);
  EXPECT_TRUE(eventually([&] { return processes() <= 1; })) << "the worker itself goes at once";
  start(options());  // in the same run folder
  EXPECT_TRUE(eventually([&] { return processes() == 0; }));
  expect_others_go_on();
}

TEST_F(HostileTest, AWorkerCannotSpeakToAnothersRuntimeApi) {
  FaasOptions with = options();
  with.sandbox = SandboxMode::kOff;  // in a sandbox it would see no socket but its own
  start(with);
  const std::filesystem::path gate = shared("gate");
  const auto victim = function("victim", R"(
import os, time
def handler(event, context):
    while not os.path.exists(event["gate"]): time.sleep(0.005)
    return "true"
)");
  auto running = begin(victim, {{"gate", shared_inside("gate")}}, "victims-request");
  ASSERT_TRUE(eventually([&] { return engine().stats().busy == 1; }));
  const auto spec = function("intruder", R"(
import glob, os, socket
def handler(event, context):
    own = os.environ["AE_RUNTIME_SOCKET"]
    said = []
    for path in glob.glob(os.path.join(os.path.dirname(own), "*.sock")):
        if path == own: continue
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(path)
        try:
            s.sendall(b"POST /2018-06-01/runtime/invocation/victims-request/response HTTP/1.1\r\n"
                      b"Host: runtime\r\nContent-Length: 7\r\n\r\n\"false\"")
            said.append(s.recv(100).decode())
        except OSError:
            said.append("")
    return said
)");
  EXPECT_EQ(call(spec).output, Json::array({""}));
  std::ofstream(gate) << "open";
  EXPECT_EQ(wait(std::move(running)).output, "true");
}

TEST_F(HostileTest, ARuntimeThatBreaksTheRulesIsToldSoAndChangesNothing) {
  start(with_runtime(R"(
s = connect()
said = [request(s, 'POST', '/invocation/r/response', b'{}')[0],     # before next
        request(s, 'GET', '/nothing')[0], request(s, 'DELETE', '/invocation/next')[0]]
id = next_id(s)
other = connect()
said += [request(other, 'GET', '/invocation/next')[0],              # while busy
         request(other, 'POST', '/init/error', b'{}')[0],           # too late
         request(other, 'POST', '/invocation/wrong/response', b'1')[0],
         request(other, 'POST', f'/invocation/{id}/nonsense', b'1')[0]]
other.sendall(b'this is no HTTP\r\n\r\n')
said += [reply(other)[0], reply(other)[0]]
chunked = connect()
chunked.sendall(b'POST / HTTP/1.1\r\nHost: runtime\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')
said += [reply(chunked)[0]]
import json
said += [request(s, 'POST', f'/invocation/{id}/response', json.dumps(said).encode())[0]]
said += [request(s, 'POST', f'/invocation/{id}/response', b'"twice"')[0]]
id = next_id(s)
request(s, 'POST', f'/invocation/{id}/response', json.dumps(said[-2:]).encode())
time.sleep(600)
)"));
  const auto spec = function("odd", "");
  const auto first = call(spec);
  EXPECT_EQ(problem(first), "");
  EXPECT_EQ(first.output,
            Json::array({"403", "404", "404", "403", "403", "400", "404", "505", "closed", "404"}));
  EXPECT_EQ(call(spec).output, Json::array({"202", "403"}));
}

TEST_F(HostileTest, ARuntimeThatAnswersNonsenseFailsThatInvocationOnly) {
  start(with_runtime(R"(
s = connect()
for body, path in ((b'{"a":', 'response'), (b'\xff\xfe', 'response'), (b'oops', 'error'),
                   (b'"fine"', 'response')):
    request(s, 'POST', f'/invocation/{next_id(s)}/{path}', body)
next_id(s)
)"));
  const auto spec = function("odd", "");
  EXPECT_EQ(call(spec).error->type, "Runtime.InvalidResponse");
  EXPECT_EQ(call(spec).error->type, "Runtime.InvalidResponse");
  EXPECT_EQ(call(spec).error->type, "Runtime.Unknown");
  EXPECT_EQ(call(spec).output, "fine");
  EXPECT_EQ(call(spec).error->type, "Runtime.ExitError");
  EXPECT_EQ(engine().stats().cold_starts, 1U);
}

TEST_F(HostileTest, ARuntimeThatNeverStopsAskingIsEnded) {
  start(with_runtime("s = connect()\nnext_id(s)\nwhile True: request(connect(), 'GET', '/x')\n"));
  const auto result = call(function("odd", ""));
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->type, "Runtime.InvalidRequest");
}

TEST_F(HostileTest, ARuntimeThatHangsUpOrNeverComesBackIsReplaced) {
  FaasOptions with = with_runtime(R"(
s = connect()
id = next_id(s)
count = open(os.environ['AE_STATE_DIR'] + '/count', 'a+')
count.write('x')
count.seek(0)
s.sendall(f'POST {api}/invocation/{id}/response HTTP/1.1\r\nHost: runtime\r\nContent-Length: 9\r\n\r\n'.encode()
          + str(len(count.read())).encode().rjust(9))
s.close()
time.sleep(600)
)");
  start(with);
  auto spec = std::make_shared<dag::FunctionSpec>(*function("odd", ""));
  spec->runtime.timeout = 3s;
  const auto first = call(spec);
  const auto second = call(spec);
  EXPECT_EQ(problem(first), "");
  EXPECT_EQ(problem(second), "");
  EXPECT_EQ(first.output, 1);
  EXPECT_EQ(second.output, 2);
  EXPECT_TRUE(eventually([&] { return processes() <= 1; }));
}

TEST_F(HostileTest, HalfAnAnswerIsNone) {
  start(with_runtime(R"(
s = connect()
id = next_id(s)
s.sendall(f'POST {api}/invocation/{id}/response HTTP/1.1\r\nHost: runtime\r\nContent-Length: 100\r\n\r\n"ha'.encode())
)"));
  const auto result = call(function("odd", ""));
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->type, "Runtime.ExitError");
}

TEST_F(HostileTest, AProgramThatIsNoRuntimeIsReportedNotRepeated) {
  start(with_runtime("print('hello')\n"));
  const auto result = call(function("odd", ""));
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->type, "Runtime.ExitError");
  EXPECT_EQ(result.log, "hello\n");
  EXPECT_EQ(engine().stats().cold_starts, 1U);
}

TEST_F(HostileTest, MixedLoadWithCrashesAndCancellationsAnswersEachExactlyOnce) {
  FaasOptions with = options();
  with.max_workers = 3;
  start(with);
  std::vector<std::shared_ptr<const dag::FunctionSpec>> specs;
  for (const char* name : {"m1", "m2", "m3", "m4"}) {
    auto spec = function(name, R"(
import os, time
def handler(event, context):
    n = event["n"]
    if n % 7 == 0: os._exit(n % 5)
    if n % 11 == 0: raise ValueError(n)
    if n % 13 == 0: time.sleep(600)
    print("n", n)
    return n
)");
    specs.push_back(spec);
  }
  // The same workers, less patience.
  const auto impatient = [](const dag::FunctionSpec& spec) {
    auto copy = std::make_shared<dag::FunctionSpec>(spec);
    copy->runtime.timeout = 200ms;
    return copy;
  };
  std::vector<std::future<execute::InvocationResult>> all;
  for (int n = 1; n <= 120; ++n) {
    std::shared_ptr<const dag::FunctionSpec> spec = specs[static_cast<std::size_t>(n % 4)];
    if (n % 13 == 0 && n % 7 != 0) spec = impatient(*spec);
    all.push_back(begin(spec, {{"n", n}}, fmt::format("n{}", n)));
    if (n % 9 == 0) engine().cancel(fmt::format("n{}", n));
  }
  for (int n = 1; n <= 120; ++n) {
    const auto result = wait(std::move(all[static_cast<std::size_t>(n - 1)]));
    if (n % 9 == 0) {
      // Cancelled, or over before the word came.
      if (result.fault) EXPECT_EQ(result.fault->code, ErrorCode::kCancelled);
    } else if (n % 7 == 0) {
      EXPECT_EQ(result.error->type, "Runtime.ExitError") << n;
    } else if (n % 11 == 0) {
      EXPECT_EQ(result.error->type, "ValueError") << n;
    } else if (n % 13 == 0) {
      EXPECT_EQ(result.error->type, "Sandbox.Timedout") << n;
    } else {
      EXPECT_EQ(problem(result), "") << n;
      EXPECT_EQ(result.output, n);
      EXPECT_THAT(result.log, EndsWith(fmt::format("n {}\n", n)));
    }
  }
}

}  // namespace
}  // namespace ae::faas
