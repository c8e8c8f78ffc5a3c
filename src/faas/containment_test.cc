// Functions that try to take the machine down: each is contained, and a neighbour that does its
// work meanwhile notices nothing. In sandboxes; hostile_test.cc has what is contained without them
// too.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "faas/faas_engine.h"
#include "faas/internal/test_engine.h"

namespace ae::faas {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals only
using ::testing::AnyOf;
using ::testing::HasSubstr;
using testing::problem;

class ContainmentTest : public testing::EngineTest {
 protected:
  void SetUp() override {
    if (!is_shut_in()) GTEST_SKIP() << engine().protections()[1].how;
  }

  bool holds(std::string_view name) {
    for (const Protection& one : engine().protections()) {
      if (one.name == name) return one.active;
    }
    return false;
  }

  // Calls the hostile function while another is called over and over.
  execute::InvocationResult call_beside_a_neighbour(std::shared_ptr<const dag::FunctionSpec> spec,
                                                    Json input = Json::object()) {
    const auto neighbour = function("neighbour", "def handler(e, c): return e['n'] + 1");
    EXPECT_EQ(call(neighbour, {{"n", 0}}).output, 1);
    std::atomic<bool> over{false};
    int answered = 0;
    std::thread calls([&] {
      for (int n = 0; !over; ++n) {
        const auto result = call(neighbour, {{"n", n}});
        EXPECT_EQ(problem(result), "");
        EXPECT_EQ(result.output, n + 1);
        ++answered;
      }
    });
    const auto result = call(std::move(spec), std::move(input));
    over = true;
    calls.join();
    EXPECT_GT(answered, 0);
    EXPECT_EQ(call(neighbour, {{"n", 1}}).output, 2);
    return result;
  }

  execute::InvocationResult attack(std::string_view body, std::chrono::milliseconds limit = 30s) {
    auto spec = function("hostile", "import os, signal, sys, time\ndef handler(event, context):\n" +
                                        std::string(body));
    spec->runtime.timeout = limit;
    return call_beside_a_neighbour(spec);
  }

  // Until `file` stays as it is for a while that its writer would use many times.
  static bool stops_growing(const std::filesystem::path& file) {
    return eventually([&] {
      std::error_code error;
      const auto before = std::filesystem::file_size(file, error);
      std::this_thread::sleep_for(300ms);
      return !error && std::filesystem::file_size(file, error) == before;
    });
  }
};

TEST_F(ContainmentTest, AForkBombEndsAtItsLimit) {
  if (!holds("process limit")) GTEST_SKIP() << "nothing limits processes here";
  const auto result = attack(
      "    while True:\n"
      "        try: os.fork()\n"
      "        except OSError: pass\n",
      2s);
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->type, "Sandbox.Timedout");
  EXPECT_EQ(result.error->message, "Task timed out after 2.00 seconds");
  EXPECT_TRUE(eventually([&] { return processes() <= 1; })) << "the neighbour's";
}

TEST_F(ContainmentTest, WhoCannotForkAnyMoreIsTold) {
  if (!holds("process limit")) GTEST_SKIP() << "nothing limits processes here";
  const auto result = attack(
      "    n = 0\n"
      "    try:\n"
      "        while n < 10000:\n"
      "            if os.fork() == 0:\n"
      "                time.sleep(600)\n"
      "            n += 1\n"
      "    except BlockingIOError:\n"
      "        return n\n");
  EXPECT_EQ(problem(result), "");
  EXPECT_GT(result.output.get<int>(), 100);
  EXPECT_LT(result.output.get<int>(), 512);
}

TEST_F(ContainmentTest, ManyProcessesTogetherGetNoMoreMemoryThanOne) {
  if (!holds("memory limit")) GTEST_SKIP() << "memory is limited for each process alone here";
  const auto result = attack(
      "    pids = []\n"
      "    for _ in range(8):\n"
      "        pid = os.fork()\n"
      "        if pid == 0:\n"
      "            kept = bytearray(b'x' * (60 << 20))\n"
      "            time.sleep(2)\n"
      "            os._exit(0)\n"
      "        pids.append(pid)\n"
      "    return sorted(os.waitpid(p, 0)[1] for p in pids)\n");
  if (result.error) {  // the kernel chose the handler's own process
    EXPECT_EQ(result.error->message, "Runtime exited with error: signal: killed");
  } else {
    EXPECT_EQ(result.output.back(), SIGKILL);
  }
}

TEST_F(ContainmentTest, AFullTmpIsItsOwnTrouble) {
  const auto result = attack(
      "    with open('/tmp/big', 'wb') as f:\n"
      "        while True: f.write(b'x' * (1 << 20))\n");
  ASSERT_TRUE(result.error);
  EXPECT_THAT(result.error->type, AnyOf("OSError", "Runtime.ExitError"));
  // Gone with its sandbox: the next one starts with an empty /tmp.
  const auto next = function("next", "import os\ndef handler(e, c): return os.listdir('/tmp')");
  EXPECT_EQ(call(next).output, Json::array());
}

TEST_F(ContainmentTest, SignalsReachNobodyElse) {
  const auto result = attack(
      "    for target in (1, os.getppid(), -1):\n"
      "        for s in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT):\n"
      "            if target == -1 and s == signal.SIGTERM: continue\n"
      "            try: os.kill(target, s)\n"
      "            except OSError: pass\n"
      "    return 'still here'\n");
  EXPECT_EQ(problem(result), "");
  EXPECT_EQ(result.output, "still here");
}

TEST_F(ContainmentTest, DaemonsThatHideEndWithTheirWorker) {
  // In a session of its own, child of nobody, without environment, without descriptors.
  const auto spec = function("daemon", R"(
import os, time
def handler(event, context):
    path = os.environ["AE_STATE_DIR"] + "/beats"
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 100)
            os.execve("/bin/sh", ["sh", "-c", f"while :; do echo >> {path}; sleep 0.01; done"], {})
        os._exit(0)
    while not os.path.exists(path): time.sleep(0.005)
    if event.get("crash"): os._exit(3)
    return "left behind"
)");
  for (const bool crash : {false, true}) {
    const auto result = call_beside_a_neighbour(spec, {{"crash", crash}});
    if (crash) {
      EXPECT_EQ(result.error->message, "Runtime exited with error: exit status 3");
    } else {
      EXPECT_EQ(result.output, "left behind");
      stop_engine();
    }
    EXPECT_TRUE(stops_growing(shared("beats")));
    std::filesystem::remove(shared("beats"));
  }
}

TEST_F(ContainmentTest, ZombiesThatNobodyWaitsForAreBuried) {
  const auto result = attack(
      "    for _ in range(200):\n"
      "        if os.fork() == 0:\n"
      "            if os.fork() == 0: os._exit(0)\n"
      "            os._exit(0)\n"
      "    while True:\n"
      "        try:\n"
      "            os.wait()\n"
      "        except ChildProcessError: break\n"
      "    def dead():\n"
      "        n = 0\n"
      "        for p in os.listdir('/proc'):\n"
      "            if p.isdigit():\n"
      "                try: n += ') Z ' in open(f'/proc/{p}/stat').read()\n"
      "                except OSError: pass\n"
      "        return n\n"
      "    while dead(): time.sleep(0.01)\n"
      "    return 'clean'\n");
  EXPECT_EQ(problem(result), "");
  EXPECT_EQ(result.output, "clean");
}

TEST_F(ContainmentTest, AThousandThreadsAndAllDescriptorsAreTheFunctionsOwnTrouble) {
  const auto result = attack(
      "    import threading\n"
      "    kept = []\n"
      "    try:\n"
      "        while True: kept.append(os.open('/dev/null', os.O_RDONLY))\n"
      "    except OSError as e: files = len(kept)\n"
      "    for f in kept: os.close(f)\n"
      "    threads = 0\n"
      "    try:\n"
      "        while threads < 2000:\n"
      "            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
      "            threads += 1\n"
      "    except (RuntimeError, MemoryError): pass\n"
      "    return [files, threads]\n");
  EXPECT_EQ(problem(result), "");
  EXPECT_LT(result.output[0].get<int>(), 1024);
  if (holds("process limit")) EXPECT_LT(result.output[1].get<int>(), 512);
}

TEST_F(ContainmentTest, AResponseOfAGigabyteIsRefusedWhileItIsRead) {
  FaasOptions with = options();
  with.python = home() / "runtime_program";
  std::ofstream(with.python) << R"(#!/usr/bin/python3
import os, socket
def connect():
    s = socket.socket(socket.AF_UNIX); s.connect(os.environ['AE_RUNTIME_SOCKET']); return s
def head(s):
    data = b''
    while b'\r\n\r\n' not in data: data += s.recv(1)
    return data.decode()
s = connect()
while True:
    s.sendall(b'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: r\r\n\r\n')
    got = head(s)
    s.recv(int(got.split('Content-Length: ')[1].split('\r')[0]))
    id = got.split('Request-Id: ')[1].split('\r')[0]
    s.sendall(f'POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: r\r\n'
              f'Content-Length: {1 << 30}\r\n\r\n'.encode())
    try:
        for _ in range(1 << 10): s.sendall(b'x' * (1 << 20))
        head(s)
    except OSError: break
)";
  ::chmod(with.python.c_str(), 0755);
  start(with);
  const auto result = call(function("large", ""));
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->type, "Function.ResponseSizeTooLarge");
  EXPECT_THAT(result.error->message, HasSubstr("1073741824 bytes"));
}

}  // namespace
}  // namespace ae::faas
