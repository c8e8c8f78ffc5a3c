// What a function can see and reach: nothing of this machine but what it was given.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "faas/faas_engine.h"
#include "faas/internal/relay_egress.h"
#include "faas/internal/relay_proxy.h"
#include "faas/internal/test_engine.h"
#include "faas/internal/unique_fd.h"

namespace ae::faas {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::problem;
using ::testing::StartsWith;

// Answers each connection with one line: what it is, and what it was sent.
class LineServer final {
 public:
  static LineServer on_loopback(std::string name) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    LineServer server(AF_INET, reinterpret_cast<sockaddr*>(&address), sizeof address);
    server.serve(std::move(name));
    return server;
  }
  static LineServer at(const std::filesystem::path& path, std::string name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.native().copy(address.sun_path, sizeof address.sun_path - 1);
    LineServer server(AF_UNIX, reinterpret_cast<sockaddr*>(&address), sizeof address);
    server.serve(std::move(name));
    return server;
  }
  LineServer(LineServer&&) = default;
  ~LineServer() {
    if (!thread_.joinable()) return;
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }

  int port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }

 private:
  LineServer(int family, const sockaddr* address, socklen_t size)
      : socket_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    EXPECT_EQ(::bind(socket_.get(), address, size), 0) << std::strerror(errno);
    EXPECT_EQ(::listen(socket_.get(), 16), 0);
  }
  void serve(std::string name) {
    thread_ = std::thread([listener = socket_.get(), name = std::move(name)] {
      while (true) {
        const UniqueFd client(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
        if (!client) return;
        // The whole of what the client says; its end is the sign to answer.
        std::string said;
        char piece[4096];
        ssize_t got = 0;
        while ((got = ::recv(client.get(), piece, sizeof piece, 0)) > 0) {
          said.append(piece, static_cast<std::size_t>(got));
          if (said.ends_with("\r\n\r\n")) break;
        }
        const std::string answer =
            fmt::format("{} got {} bytes: {}", name, said.size(), said.substr(0, 200));
        ::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
      }
    });
  }

  UniqueFd socket_;
  std::thread thread_;
};

constexpr std::string_view kSay = R"(
import socket
def say(host, port, text="hello"):
    try:
        with socket.create_connection((host, port), timeout=20) as s:
            s.sendall(text.encode())
            s.shutdown(socket.SHUT_WR)
            said = b""
            while piece := s.recv(65536): said += piece
            return said.decode()
    except OSError as e:
        return type(e).__name__
)";

class SandboxTest : public testing::EngineTest {
 protected:
  void SetUp() override {
    if (!is_shut_in()) GTEST_SKIP() << engine().protections()[1].how;
  }

  std::shared_ptr<dag::FunctionSpec> says(const std::string& name, std::string_view handler) {
    return function(name, std::string(kSay) + std::string(handler));
  }
  // The result of an expression evaluated in a function.
  Json value_of(std::string_view expression, Json input = Json::object()) {
    const auto spec = function("asks", R"(
import ctypes, glob, os, socket, subprocess, sys
def attempt(action):
    try: return action()
    except Exception as e: return type(e).__name__
def handler(event, context): return eval(event["ask"], {**globals(), "event": event})
)");
    input["ask"] = expression;
    const auto result = call(spec, std::move(input));
    EXPECT_EQ(problem(result), "");
    return result.output;
  }
};

TEST_F(SandboxTest, OnlyItsOwnProcessesAreThere) {
  const Json pids = value_of("sorted(int(p) for p in os.listdir('/proc') if p.isdigit())");
  EXPECT_EQ(pids, Json::array({1, 2}));
  EXPECT_EQ(value_of("attempt(lambda: open('/proc/1/environ').read())"), "PermissionError");
  EXPECT_EQ(value_of("attempt(lambda: os.readlink('/proc/1/fd/4'))"), "PermissionError");
  EXPECT_EQ(value_of("attempt(lambda: os.open('/proc/1/fd/3', os.O_RDONLY))"), "PermissionError");
  EXPECT_EQ(value_of("attempt(lambda: open('/proc/1/mem', 'rb').read(1))"), "PermissionError");
}

TEST_F(SandboxTest, OnlyWhatRuntimesNeedIsInItsRoot) {
  const auto listing = value_of("sorted(os.listdir('/'))").get<std::vector<std::string>>();
  EXPECT_THAT((std::vector<std::string>{"bin", "dev", "etc", "lib", "lib32", "lib64", "libx32",
                                        "mnt", "opt", "proc", "run", "sbin", "tmp", "usr", "var"}),
              ::testing::IsSupersetOf(listing));
  for (const char* path : {"/etc/shadow", "/home", "/var/lib", "/sys", "/dev/sda", "/dev/kmsg",
                           "/dev/mem", "/etc/ssl/private"}) {
    EXPECT_EQ(value_of("os.path.exists(event['path'])", {{"path", path}}), false) << path;
  }
  EXPECT_EQ(value_of("os.path.exists(event['path'])", {{"path", home().string()}}), false);
  EXPECT_EQ(value_of("os.listdir('/run/ae')"), Json::array({"api.sock"}));
}

TEST_F(SandboxTest, OtherFunctionsAndTheProductAreOutOfSight) {
  auto other = function("other", R"(
import os, time
SECRET = "token-of-the-other"
def handler(event, context):
    open(os.path.join(os.environ["AE_STATE_DIR"], "kept"), "w").write(SECRET)
)");
  other->runtime.state = "others";
  other->runtime.environment["PASSWORD"] = "token-of-the-other";
  EXPECT_EQ(problem(call(other)), "");
  std::ofstream(home() / "journal.db") << "token-of-the-other";
  const Json found = value_of(
      "subprocess.run(['grep', '-rlsa', 'token-of-the-other', '/var', '/mnt', '/tmp', '/run', "
      "'/opt', '/etc'], capture_output=True, text=True).stdout");
  EXPECT_EQ(found, "");
  const Json environments = value_of(
      "[p for p in glob.glob('/proc/[0-9]*/environ') if b'token-of-the-other' in "
      "(lambda r: r if isinstance(r, bytes) else b'')"
      "(attempt(lambda: open(p, 'rb').read()))]");
  EXPECT_EQ(environments, Json::array());
}

TEST_F(SandboxTest, OnlyItsStateAndItsTmpCanBeWritten) {
  const char* const kWrite = "attempt(lambda: open(event['path'], 'w').write('x'))";
  for (const char* path : {"/var/task/x", "/usr/x", "/etc/x", "/x", "/opt/x", "/dev/x",
                           "/var/runtime/x", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger",
                           "/proc/self/oom_score_adj", "/etc/hosts"}) {
    EXPECT_NE(value_of(kWrite, {{"path", path}}), 1) << path;
  }
  for (const char* path : {"/tmp/x", "/mnt/state/x", "/dev/shm/x", "/dev/null"}) {
    EXPECT_EQ(value_of(kWrite, {{"path", path}}), 1) << path;
  }
  EXPECT_EQ(*read_file(shared("x")), "x");
  EXPECT_FALSE(std::filesystem::exists("/tmp/x"));
}

TEST_F(SandboxTest, ItHasNoRightsAndCannotGetAny) {
  const std::string status = value_of("open('/proc/self/status').read()").get<std::string>();
  for (const char* line : {"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000",
                           "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000",
                           "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"}) {
    EXPECT_THAT(status, HasSubstr(line));
  }
  EXPECT_EQ(value_of("os.getuid()"), 993);
  EXPECT_EQ(value_of("attempt(lambda: os.setuid(0))"), "OSError") << "there is no user 0 in there";
}

TEST_F(SandboxTest, SystemCallsThatChangeTheMachineOrLookIntoOthersAreRefused) {
  const auto spec = function("calls", R"(
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    ctypes.set_errno(0)
    return getattr(libc, name)(*arguments), errno.errorcode.get(ctypes.get_errno(), "none")
def number(n, *arguments):
    ctypes.set_errno(0)
    return libc.syscall(n, *arguments), errno.errorcode.get(ctypes.get_errno(), "none")
def handler(event, context):
    return {
        "ptrace": call("ptrace", 16, 1, 0, 0), "mount": call("mount", b"a", b"/tmp", b"tmpfs", 0, 0),
        "umount": call("umount2", b"/tmp", 0), "unshare": call("unshare", 0x10000000),
        "setns": call("setns", 0, 0), "chroot": call("chroot", b"/tmp"),
        "bpf": number(321, 0, 0, 0), "keyctl": number(250, 0, 0, 0, 0, 0),
        "add_key": number(248, b"user", b"x", b"y", 1, -2), "io_uring": number(425, 1, 0),
        "perf": number(298, 0, 0, -1, -1, 0), "userfaultfd": number(323, 0),
        "vm_readv": number(310, 1, 0, 0, 0, 0, 0), "kexec": number(246, 0, 0, 0, 0),
        "module": number(175, 0, 0, b""), "reboot": number(169, 0, 0, 0, 0),
        "clone_user": number(56, 0x10000011, 0, 0, 0, 0), "handle": number(304, 0, 0, 0),
        "packet": call("socket", 17, 3, 0)[0], "vsock": call("socket", 40, 1, 0)[0],
        "alg": call("socket", 38, 5, 0)[0], "clone3": number(435, 0, 0)}
)");
  const auto result = call(spec);
  ASSERT_EQ(problem(result), "");
  for (const char* name : {"ptrace", "mount", "umount", "unshare", "setns", "chroot", "bpf",
                           "keyctl", "add_key", "io_uring", "perf", "userfaultfd", "vm_readv",
                           "kexec", "module", "reboot", "clone_user", "handle"}) {
    EXPECT_EQ(result.output[name], Json::array({-1, "EPERM"})) << name;
  }
  for (const char* name : {"packet", "vsock", "alg"}) EXPECT_EQ(result.output[name], -1) << name;
  EXPECT_EQ(result.output["clone3"], Json::array({-1, "ENOSYS"}));
}

TEST_F(SandboxTest, OrdinaryProgramsWork) {
  EXPECT_EQ(value_of("subprocess.run(['sh', '-c', 'echo $((6 * 7)) | cat'], "
                     "capture_output=True, text=True).stdout"),
            "42\n");
  const auto spec = function("parallel", R"(
import multiprocessing, os, sqlite3, tempfile, threading, time, zoneinfo, socket
from concurrent.futures import ThreadPoolExecutor
def handler(event, context):
    with ThreadPoolExecutor(20) as pool: squares = sum(pool.map(lambda n: n * n, range(100)))
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=lambda: queue.put(os.getppid()))
    child.start()
    parent = queue.get() == os.getpid()
    child.join()
    with sqlite3.connect(tempfile.mktemp()) as db: one = db.execute("select 1").fetchone()[0]
    return [squares, parent, one, str(zoneinfo.ZoneInfo("Europe/Oslo")), socket.gethostname(),
            len(os.urandom(8)), socket.gethostbyname("localhost")]
)");
  const auto result = call(spec);
  EXPECT_EQ(problem(result), "");
  EXPECT_EQ(result.output,
            Json::array({328350, true, 1, "Europe/Oslo", "function", 8, "127.0.0.1"}));
}

TEST_F(SandboxTest, WhatIsNotDeclaredCannotBeReached) {
  const LineServer service = LineServer::on_loopback("private");
  const auto spec = says("curious", R"(
def handler(event, context):
    return [say("127.0.0.1", event["port"]), say("192.0.2.1", 80), say("2001:db8::1", 80),
            say("example.invalid", 443), say("169.254.169.254", 80)]
)");
  const auto result = call(spec, {{"port", service.port()}});
  EXPECT_EQ(problem(result), "");
  EXPECT_EQ(result.output[0], "ConnectionRefusedError");
  EXPECT_EQ(result.output[1], "OSError") << "there is no route";
  EXPECT_EQ(result.output[2], "OSError");
  EXPECT_EQ(result.output[3], "gaierror");
  EXPECT_EQ(result.output[4], "OSError");
}

TEST_F(SandboxTest, DeclaredEgressReachesExactlyWhatIsDeclared) {
  const LineServer declared = LineServer::on_loopback("declared");
  const LineServer named = LineServer::on_loopback("named");
  const LineServer other = LineServer::on_loopback("other");
  auto spec = says("connects", R"(
def handler(event, context):
    big = "x" * 3_000_000
    return {"declared": say("127.0.0.1", event["declared"]), "named": say("localhost", event["named"]),
            "other": say("127.0.0.1", event["other"]),
            "big": say("127.0.0.1", event["declared"], big)}
)");
  spec->runtime.egress = {fmt::format("127.0.0.1:{}", declared.port()),
                          fmt::format("localhost:{}", named.port())};
  const auto result =
      call(spec, {{"declared", declared.port()}, {"named", named.port()}, {"other", other.port()}});
  ASSERT_EQ(problem(result), "");
  EXPECT_EQ(result.output["declared"], "declared got 5 bytes: hello");
  EXPECT_EQ(result.output["named"], "named got 5 bytes: hello");
  EXPECT_EQ(result.output["other"], "ConnectionRefusedError");
  EXPECT_THAT(result.output["big"].get<std::string>(),
              StartsWith("declared got 3000000 bytes: xxx"));
}

TEST_F(SandboxTest, LowPortsCanBeDeclaredAndNamesAreTheSandboxsOwn) {
  auto spec = function("names", R"(
import socket
def handler(event, context):
    return [socket.gethostbyname(n) for n in ("api.example.com", "files.example.com")]
)");
  spec->runtime.egress = {"api.example.com", "files.example.com:80", "api.example.com:8443"};
  const auto result = call(spec);
  ASSERT_EQ(problem(result), "");
  EXPECT_EQ(result.output, Json::array({"127.77.0.1", "127.77.0.2"}));
}

TEST_F(SandboxTest, PatternsGoThroughAProxyThatRefusesThisMachineAndPrivateNetworks) {
  const LineServer service = LineServer::on_loopback("private");
  auto spec = says("browses", R"(
import os
def through_proxy(request):
    host, port = os.environ["HTTPS_PROXY"].removeprefix("http://").split(":")
    return say(host, int(port), request).split("\r\n")[0]
def handler(event, context):
    port = event["port"]
    return [through_proxy(f"CONNECT {h}:{port} HTTP/1.1\r\n\r\n")
            for h in ("127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]",
                      "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433")] + [
            through_proxy(f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n"),
            through_proxy("nonsense\r\n\r\n")]
)");
  spec->runtime.egress = {"*"};
  const auto result = call(spec, {{"port", service.port()}});
  ASSERT_EQ(problem(result), "");
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(result.output[i], "HTTP/1.1 403 Forbidden") << i;
  }
  EXPECT_EQ(result.output[9], "HTTP/1.1 400 Bad Request");
}

TEST_F(SandboxTest, TheProxyServesWhatIsDeclaredBesideAPattern) {
  const LineServer service = LineServer::on_loopback("declared");
  auto spec = says("browses", R"(
import os
def through_proxy(request):
    host, port = os.environ["HTTP_PROXY"].removeprefix("http://").split(":")
    return say(host, int(port), request)
def handler(event, context):
    where = f"127.0.0.1:{event['port']}"
    return [through_proxy(f"CONNECT {where} HTTP/1.1\r\n\r\nhello"),
            through_proxy(f"GET http://{where}/a?b HTTP/1.1\r\nHost: {where}\r\n"
                          "Proxy-Authorization: Basic x\r\nX-Mine: 1\r\n\r\n"),
            through_proxy("CONNECT api.example.org:443 HTTP/1.1\r\n\r\n")]
)");
  spec->runtime.egress = {"*.example.com", fmt::format("127.0.0.1:{}", service.port())};
  const auto result = call(spec, {{"port", service.port()}});
  ASSERT_EQ(problem(result), "");
  EXPECT_EQ(result.output[0],
            "HTTP/1.1 200 Connection established\r\n\r\ndeclared got 5 bytes: hello");
  EXPECT_THAT(result.output[1].get<std::string>(),
              AllOf(HasSubstr("GET /a?b HTTP/1.1\r\n"), HasSubstr("X-Mine: 1"),
                    HasSubstr("Connection: close"), Not(HasSubstr("Proxy-"))));
  EXPECT_THAT(result.output[2].get<std::string>(), HasSubstr("not among the egress"));
}

TEST_F(SandboxTest, TheBucketsAreReachedAtTheirOwnAddress) {
  const std::filesystem::path path = home() / "s3";
  const LineServer buckets = LineServer::at(path, "buckets");
  FaasOptions with = options();
  with.s3 = LocalService{.address = "127.0.0.1:8000", .unix_socket = path.string()};
  with.s3_environment = [](const std::string& function) {
    return std::map<std::string, std::string>{{"AWS_ACCESS_KEY_ID", "key-of-" + function}};
  };
  start(with);
  const auto spec = says("stores", R"(
import os
def handler(event, context):
    return [say("127.0.0.1", 8000), os.environ.get("AWS_ACCESS_KEY_ID")]
)");
  EXPECT_EQ(call(spec).output, Json::array({"buckets got 5 bytes: hello", "key-of-stores"}));
  auto without = std::make_shared<dag::FunctionSpec>(*spec);
  without->version = "without";
  without->runtime.s3 = false;
  EXPECT_EQ(call(without).output, Json::array({"ConnectionRefusedError", nullptr}));
}

TEST_F(SandboxTest, SecretsComeInAsVariablesAndAMissingOneIsNamedBeforeAnythingStarts) {
  FaasOptions with = options();
  with.secret = [](const std::string& name) {
    return name == "TOKEN" ? std::optional<std::string>("sesame") : std::nullopt;
  };
  start(with);
  auto spec = function("opens", "import os\ndef handler(e, c): return os.environ['TOKEN']");
  spec->runtime.secrets = {"TOKEN"};
  EXPECT_EQ(call(spec).output, "sesame");
  auto lacks = std::make_shared<dag::FunctionSpec>(*spec);
  lacks->version = "lacks";
  lacks->runtime.secrets = {"TOKEN", "OTHER"};
  const auto result = call(lacks);
  ASSERT_TRUE(result.fault);
  EXPECT_EQ(result.fault->code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(result.fault->message, HasSubstr("ae secret set OTHER"));
}

TEST_F(SandboxTest, LayersLieOverEachOtherInTheirOrder) {
  auto spec = function("layered", R"(
def handler(event, context):
    return [open("/opt/" + name).read() for name in ("one", "two", "both")]
)");
  auto& package = std::get<dag::LocalPackage>(spec->binding);
  for (const char* layer : {"one", "two"}) {
    const std::filesystem::path folder = home() / (std::string("layer:") + layer);
    std::filesystem::create_directories(folder);
    std::ofstream(folder / layer) << layer;
    std::ofstream(folder / "both") << layer;
    package.layers.push_back(folder.string());
  }
  const auto result = call(spec);
  EXPECT_EQ(problem(result), "");
  EXPECT_EQ(result.output, Json::array({"one", "two", "two"})) << "a later layer wins";
}

TEST_F(SandboxTest, WhatKeepsAProgramFromStartingIsNamed) {
  auto spec = function("broken", "");
  auto& package = std::get<dag::LocalPackage>(spec->binding);
  package.runtime = "provided.al2023";
  const std::filesystem::path bootstrap = std::filesystem::path(package.folder) / "bootstrap";
  std::ofstream(bootstrap) << "#!/no/such/interpreter\n";
  std::filesystem::permissions(bootstrap, std::filesystem::perms::all);
  const auto result = call(spec);
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->type, "Runtime.InvalidEntrypoint");
  EXPECT_EQ(result.error->message, "cannot execute /var/task/bootstrap: No such file or directory");
}

TEST_F(SandboxTest, ProtectionsSayWhatHolds) {
  const auto all = engine().protections();
  const auto named = [&](std::string_view name) {
    for (const Protection& one : all) {
      if (one.name == name) return one.active;
    }
    ADD_FAILURE() << name;
    return false;
  };
  for (const char* name : {"processes", "files", "network", "privileges", "system calls"}) {
    EXPECT_TRUE(named(name)) << name;
  }
  for (const Protection& one : all) {
    EXPECT_FALSE(one.how.empty()) << one.name;
    EXPECT_EQ(one.active, one.fix.empty()) << one.name;
  }
  FaasOptions off = options();
  off.sandbox = SandboxMode::kOff;
  EXPECT_THAT(start(off).protections(), Contains(::testing::Field(&Protection::active, false)));
}

TEST(EgressTest, EntriesAreReadAndWhatSaysNothingIsRefused) {
  EXPECT_EQ(parse_egress("API.example.com")->host, "api.example.com");
  EXPECT_EQ(parse_egress("api.example.com")->port, 443);
  EXPECT_EQ(parse_egress("api.example.com:8443")->port, 8443);
  EXPECT_EQ(parse_egress("*")->port, 0);
  EXPECT_EQ(parse_egress("*.example.com")->reach, Reach::kPublic);
  EXPECT_EQ(parse_egress("127.0.0.1:5432")->reach, Reach::kAnywhere);
  EXPECT_EQ(parse_egress("db.internal:1")->reach, Reach::kNotThisHost);
  for (const char* text : {"", ":80", "host:", "host:0", "host:65536", "host:x", "a b:80", "*x:80",
                           "[::1]:80", "::1", "http://x", "*.", "a..b"}) {
    EXPECT_FALSE(parse_egress(text)) << text;
  }
}

TEST(EgressTest, PatternsCoverNamesBelowThemOnly) {
  const Egress pattern = *parse_egress("*.example.com:443");
  EXPECT_TRUE(pattern.covers("api.example.com", 443));
  EXPECT_TRUE(pattern.covers("a.b.example.com", 443));
  EXPECT_FALSE(pattern.covers("example.com", 443));
  EXPECT_FALSE(pattern.covers("badexample.com", 443));
  EXPECT_FALSE(pattern.covers("api.example.com", 80));
  EXPECT_TRUE(parse_egress("*")->covers("anything", 1));
}

TEST(EgressTest, AddressesOfThisMachineAndOfPrivateNetworksAreKnown) {
  const auto reach = [](const std::string& text, Reach how) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
      return may_reach(reinterpret_cast<sockaddr&>(v4), how);
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr), 1) << text;
    return may_reach(reinterpret_cast<sockaddr&>(v6), how);
  };
  for (const char* address :
       {"127.0.0.1", "127.255.0.1", "0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255",
        "::1", "::", "fe80::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::7f00:1", "2002:7f00:1::"}) {
    EXPECT_FALSE(reach(address, Reach::kNotThisHost)) << address;
    EXPECT_FALSE(reach(address, Reach::kPublic)) << address;
  }
  for (const char* address :
       {"10.0.0.1", "172.16.5.4", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd00::1",
        "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"}) {
    EXPECT_TRUE(reach(address, Reach::kNotThisHost)) << address;
    EXPECT_FALSE(reach(address, Reach::kPublic)) << address;
  }
  for (const char* address : {"1.1.1.1", "172.32.0.1", "2606:4700::1", "::ffff:1.1.1.1"}) {
    EXPECT_TRUE(reach(address, Reach::kPublic)) << address;
  }
}

TEST(ProxyRequestTest, TunnelsAndPlainRequestsAreRead) {
  const auto parse = [](std::string_view text) {
    std::size_t consumed = 0;
    return parse_proxy_request(text, consumed);
  };
  EXPECT_EQ(**parse("CONNECT API.example.com:443 HTTP/1.1\r\nHost: x\r\n\r\nrest"),
            (ProxyRequest{.host = "api.example.com", .port = 443, .tunnel = true, .head = ""}));
  EXPECT_EQ((*parse("CONNECT [::1]:80 HTTP/1.1\r\n\r\n"))->host, "::1");
  EXPECT_EQ((*parse("GET http://a/b HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"))->head,
            "GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ((*parse("GET http://a?b HTTP/1.1\r\n\r\n"))->head,
            "GET /?b HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(*parse("CONNECT a:1 HT"), std::nullopt);
  for (const char* text :
       {"GET / HTTP/1.1\r\n\r\n", "CONNECT a HTTP/1.1\r\n\r\n", "CONNECT a:0 HTTP/1.1\r\n\r\n",
        "CONNECT :1 HTTP/1.1\r\n\r\n", "CONNECT a:1 HTTP/2\r\n\r\n", "\r\n\r\n",
        "GET http://u@a/ HTTP/1.1\r\n\r\n", "GET http://a/ HTTP/1.1\r\nno colon\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nA: b\nC: d\r\n\r\n", "CONNECT [::1:80 HTTP/1.1\r\n\r\n"}) {
    EXPECT_FALSE(parse(text)) << text;
  }
  EXPECT_EQ(parse(std::string(20'000, 'x')).error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace ae::faas
