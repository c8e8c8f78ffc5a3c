// AWS's own runtime clients, packed as people pack them. Needs scripts/peers.sh lambda, whose
// folder is in AE_LAMBDA_PEERS; skipped, with the reason, where that is missing.
#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "faas/faas_engine.h"
#include "faas/internal/test_engine.h"

namespace ae::faas {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals only
using ::testing::HasSubstr;
using testing::problem;

class PeersTest : public testing::EngineTest {
 protected:
  void SetUp() override {
    const char* folder = ::getenv("AE_LAMBDA_PEERS");
    if (folder == nullptr) GTEST_SKIP() << "AE_LAMBDA_PEERS is not set: scripts/peers.sh lambda";
    peers_ = folder;
  }

  static void copy(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::filesystem::create_directories(to.parent_path());
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
  }

  // A Python package with awslambdaric in it, as `pip install --target` leaves it.
  std::shared_ptr<dag::FunctionSpec> python(const std::string& name, std::string_view code) {
    auto spec = function(name, code);
    const std::filesystem::path folder = std::get<dag::LocalPackage>(spec->binding).folder;
    std::filesystem::path packages;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(peers_ / "python")) {
      if (entry.path().filename() == "awslambdaric") packages = entry.path().parent_path();
    }
    EXPECT_FALSE(packages.empty());
    for (const auto& entry : std::filesystem::directory_iterator(packages)) {
      const std::string file = entry.path().filename().string();
      if (file.starts_with("awslambdaric") || file.starts_with("runtime_client") ||
          file.starts_with("simplejson") || file.starts_with("snapshot_restore_py")) {
        copy(entry.path(), folder / file);
      }
    }
    return spec;
  }

  std::shared_ptr<dag::FunctionSpec> node(const std::string& name, std::string_view code) {
    auto spec = function(name, "", "index.handler");
    auto& package = std::get<dag::LocalPackage>(spec->binding);
    package.runtime = "nodejs20.x";
    spec->runtime.memory_mb = 512;
    std::ofstream(std::filesystem::path(package.folder) / "index.js") << code;
    copy(peers_ / "node_modules/aws-lambda-ric",
         std::filesystem::path(package.folder) / "node_modules/aws-lambda-ric");
    return spec;
  }

  std::filesystem::path peers_;
};

TEST_F(PeersTest, AwslambdaricServesAsOurOwnClientDoes) {
  const auto spec = python("ric", R"(
import os, sys
calls = 0
def handler(event, context):
    global calls
    calls += 1
    print("call", calls)
    if event.get("fail"): raise ValueError("on demand")
    if event.get("exit"): os._exit(3)
    if event.get("large"): return "x" * (7 << 20)
    return {"calls": calls, "echo": event, "request": context.aws_request_id,
            "client": "awslambdaric.bootstrap" in sys.modules,
            "name": context.function_name, "memory": context.memory_limit_in_mb,
            "time": 0 < context.get_remaining_time_in_millis() <= 30000}
)");
  const auto first = wait(begin(spec, {{"text", "♪"}}, "r-1"));
  EXPECT_EQ(problem(first), "");
  EXPECT_EQ(first.output["echo"], Json({{"text", "♪"}}));
  EXPECT_EQ(first.output["request"], "r-1");
  EXPECT_EQ(first.output["client"], true) << "our own client ran instead";
  EXPECT_EQ(first.output["time"], true);
  EXPECT_EQ(first.output["name"], "ric");
  EXPECT_THAT(first.log, HasSubstr("call 1"));
  const auto failed = call(spec, {{"fail", true}});
  ASSERT_TRUE(failed.error);
  EXPECT_EQ(failed.error->type, "ValueError");
  EXPECT_EQ(failed.error->message, "on demand");
  EXPECT_EQ(failed.error->stack_trace.size(), 1U);
  const auto large = call(spec, {{"large", true}});
  ASSERT_TRUE(large.error);
  EXPECT_EQ(large.error->type, "Function.ResponseSizeTooLarge");
  const auto left = call(spec, {{"exit", true}});
  ASSERT_TRUE(left.error);
  EXPECT_EQ(left.error->type, "Runtime.ExitError");
  EXPECT_EQ(problem(call(spec)), "");
}

TEST_F(PeersTest, AwslambdaricSaysWhyItCannotStart) {
  const auto missing = call(python("ric_missing", "import no_such_module_anywhere\n"));
  ASSERT_TRUE(missing.error);
  EXPECT_EQ(missing.error->type, "Runtime.ImportModuleError");
  EXPECT_THAT(missing.error->message, HasSubstr("no_such_module_anywhere"));
}

TEST_F(PeersTest, AwsLambdaRicServesAsOurOwnClientDoes) {
  if (!std::filesystem::exists(peers_ / "node_modules/aws-lambda-ric/dist/rapid-client.node")) {
    GTEST_SKIP() << "aws-lambda-ric is not built: it needs autoconf, automake, libtool and cmake";
  }
  const auto spec = node("node_ric", R"(
let calls = 0;
exports.handler = async (event, context) => {
  if (event.fail) throw new TypeError('on demand');
  return { calls: ++calls, echo: event, request: context.awsRequestId,
           client: process.argv.join(' ').includes('aws-lambda-ric') };
};
)");
  const auto first = wait(begin(spec, {{"text", "♪"}}, "r-1"));
  EXPECT_EQ(problem(first), "");
  EXPECT_EQ(first.output,
            Json({{"calls", 1}, {"echo", {{"text", "♪"}}}, {"request", "r-1"}, {"client", true}}));
  const auto failed = call(spec, {{"fail", true}});
  ASSERT_TRUE(failed.error);
  EXPECT_EQ(failed.error->type, "TypeError");
  EXPECT_EQ(failed.error->message, "on demand");
  EXPECT_EQ(call(spec).output["calls"], 2);
}

}  // namespace
}  // namespace ae::faas
