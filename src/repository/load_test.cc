#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "repository/internal/test_zip.h"
#include "repository/package.h"

namespace ae::repository {
namespace {

namespace fs = std::filesystem;
using internal::make_zip;
using internal::ZipEntry;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kCode =
    "def lambda_handler(event, context):\n    return {'a': event['b']}\n";

class LoadTest : public testing::Test {
 protected:
  fs::path write(const std::string& relative, std::string_view content) {
    const fs::path path = root() / relative;
    fs::create_directories(path.parent_path());
    EXPECT_TRUE(write_file_atomically(path, content));
    return path;
  }
  fs::path root() const { return temporary_.path(); }
  Loaded load(const std::string& relative, const LoadOptions& options = {}) const {
    auto loaded = load_packages(root() / relative, options);
    EXPECT_TRUE(loaded) << loaded.error().describe();
    return loaded ? *std::move(loaded) : Loaded{};
  }
  Package only(const std::string& relative, const LoadOptions& options = {}) const {
    Loaded loaded = load(relative, options);
    for (const auto& refusal : loaded.refused) {
      ADD_FAILURE() << refusal.where << ": " << refusal.error.describe();
    }
    EXPECT_THAT(loaded.packages, SizeIs(1));
    return loaded.packages.empty() ? Package{} : std::move(loaded.packages.front());
  }
  // "where: why" of the one refusal.
  std::string refusal(const std::string& relative) const {
    const Loaded loaded = load(relative);
    EXPECT_THAT(loaded.packages, IsEmpty());
    EXPECT_THAT(loaded.refused, SizeIs(1));
    return loaded.refused.empty()
               ? ""
               : loaded.refused[0].where + ": " + loaded.refused[0].error.describe();
  }
  static std::vector<std::string> names(const Loaded& loaded) {
    std::vector<std::string> all;
    for (const Package& package : loaded.packages) all.push_back(package.spec.name);
    return all;
  }
  static const dag::LocalPackage& code_of(const Package& package) {
    return std::get<dag::LocalPackage>(package.spec.binding);
  }
  void make_executable(const std::string& relative) const {
    ASSERT_EQ(::chmod((root() / relative).c_str(), 0755), 0);
  }

 private:
  TemporaryFolder temporary_;
};

TEST_F(LoadTest, AZipAndItsFolderAreTheSameVersion) {
  write("greet/lambda_function.py", kCode);
  write("greet/lib/words.json", "{}");
  write("zips/greet.zip", make_zip({{.name = "lambda_function.py", .content = std::string(kCode)},
                                    {.name = "lib/words.json", .content = "{}"}}));
  const Package folder = only("greet");
  const Package zip = only("zips/greet.zip");
  EXPECT_EQ(zip.spec.name, "greet");
  EXPECT_EQ(zip.spec.version, folder.spec.version);
  EXPECT_EQ(zip.spec.input, folder.spec.input);
  EXPECT_EQ(zip.spec.schemas, dag::SchemaSource::kInferred);
  EXPECT_TRUE(fs::exists(zip.folder / "lib/words.json")) << "kept while the package lives";
  EXPECT_EQ(only("zips/greet.zip", {.name = "other"}).spec.name, "other");
}

TEST_F(LoadTest, NothingIsLeftOfARefusedArchive) {
  const auto count = [] {
    std::size_t found = 0;
    for (const auto& entry : fs::directory_iterator(fs::temp_directory_path())) {
      if (entry.path().filename().string().starts_with("ae-package")) ++found;
    }
    return found;
  };
  write("f.zip", make_zip({{.name = "a.py", .content = "x"}, {.name = "../b.py", .content = "x"}}));
  const std::size_t before = count();
  EXPECT_THAT(refusal("f.zip"), HasSubstr("\"../b.py\" leaves the folder"));
  EXPECT_LE(count(), before);
  write("g.zip", make_zip({{.name = "readme.txt", .content = "x"}}));
  EXPECT_THAT(refusal("g.zip"), HasSubstr("holds no function"));
}

TEST_F(LoadTest, FindsEachKindOfEntryPoint) {
  write("all/py/lambda_function.py", kCode);
  write("all/flask/app.py", "def handler(event, context): return {}\n");
  write("all/esm/index.mjs", "export const handler = async () => ({});\n");
  write("all/cjs/index.cjs", "exports.handler = async () => ({});\n");
  write("all/js/index.js", "exports.handler = async () => ({});\n");
  write("all/native/bootstrap", "#!/bin/sh\n");
  make_executable("all/native/bootstrap");
  const Loaded loaded = load("all");
  EXPECT_THAT(loaded.refused, IsEmpty());
  EXPECT_THAT(names(loaded), ElementsAre("cjs", "esm", "flask", "js", "native", "py"));
  EXPECT_EQ(code_of(loaded.packages[0]).handler, "index.handler");
  EXPECT_EQ(code_of(loaded.packages[2]).handler, "app.handler");
  EXPECT_EQ(code_of(loaded.packages[4]).runtime, "provided.al2023");
}

TEST_F(LoadTest, ABootstrapMustBeExecutable) {
  write("native/bootstrap", "#!/bin/sh\n");
  EXPECT_THAT(refusal("native"), HasSubstr("chmod +x"));
  write("n.zip", make_zip({{.name = "bootstrap", .content = "#!", .mode = 0100755}}));
  EXPECT_EQ(only("n.zip").spec.name, "n");
}

TEST_F(LoadTest, ReadsTheSidecarBesideAZipOrFolder) {
  const std::string sidecar =
      "apiVersion: actionengine/v1\nkind: Function\ndescription: Greets.\n"
      "input: {type: object}\noutput: {type: object}\n";
  write("greet.zip", make_zip({{.name = "lambda_function.py", .content = std::string(kCode)}}));
  write("greet.function.yaml", sidecar);
  const Package beside = only("greet.zip");
  EXPECT_EQ(beside.spec.name, "greet");
  EXPECT_EQ(beside.spec.description, "Greets.");
  EXPECT_EQ(beside.spec.schemas, dag::SchemaSource::kDeclared);
  EXPECT_THAT(names(load("")), ElementsAre("greet")) << "the sidecar is no function of its own";
  write("inside/greet/lambda_function.py", kCode);
  write("inside/greet/function.yaml", sidecar);
  EXPECT_EQ(only("inside/greet").spec.version, beside.spec.version);
}

TEST_F(LoadTest, NeedsNoCodeForWhatRunsElsewhere) {
  write("remote.function.yaml",
        "apiVersion: actionengine/v1\nkind: Function\ndescription: Far away.\n"
        "binding: {http: {url: \"https://resize.example.com/\"}}\n"
        "input: {type: object, properties: {w: {type: integer}}}\noutput: {type: object}\n");
  write("cloud.function.yaml",
        "apiVersion: actionengine/v1\nkind: Function\ndescription: In the cloud.\n"
        "binding: {lambda: {arn: \"arn:aws:lambda:eu-west-1:123456789012:function:x\"}}\n");
  const Loaded loaded = load("");
  EXPECT_THAT(loaded.refused, IsEmpty());
  EXPECT_THAT(names(loaded), ElementsAre("cloud", "remote"));
  EXPECT_EQ(std::get<dag::HttpService>(loaded.packages[1].spec.binding).url,
            "https://resize.example.com/");
  EXPECT_EQ(loaded.packages[0].spec.schemas, dag::SchemaSource::kInferred);
  EXPECT_EQ(loaded.packages[1].spec.schemas, dag::SchemaSource::kDeclared);
  EXPECT_TRUE(loaded.packages[0].folder.empty());
  EXPECT_EQ(only("remote.function.yaml").spec.version, loaded.packages[1].spec.version);
}

TEST_F(LoadTest, TakesLayersFromWhatWasNamedOnly) {
  write("app/f/lambda_function.py", kCode);
  write("app/f/function.yaml",
        "apiVersion: actionengine/v1\nkind: Function\nname: f\ndescription: Does it.\n"
        "layers: [../common, ../tools.zip]\n");
  write("app/common/python/shared.py", "x = 1\n");
  write("app/tools.zip", make_zip({{.name = "bin/tool", .content = "t", .mode = 0100755}}));
  const Package package = only("app");
  ASSERT_THAT(package.layers, SizeIs(2));
  EXPECT_TRUE(fs::exists(package.layers[0] / "python/shared.py"));
  EXPECT_TRUE(fs::exists(package.layers[1] / "bin/tool"));
  const std::string version = package.spec.version;
  write("app/common/python/shared.py", "x = 2\n");
  EXPECT_NE(only("app").spec.version, version) << "a layer is part of the version";
  EXPECT_THAT(refusal("app/f"), HasSubstr("outside of what was named"));
}

TEST_F(LoadTest, NamesEveryFunctionThatIsRefused) {
  write("pack/good/app.py", kCode);
  write("pack/bad/function.yaml", "kind: Function\n");
  write("pack/evil.zip", make_zip({{.name = "/x", .content = "x"}}));
  const Loaded loaded = load("pack");
  EXPECT_THAT(names(loaded), ElementsAre("good"));
  ASSERT_THAT(loaded.refused, SizeIs(2));
  EXPECT_EQ(loaded.refused[0].where, "bad");
  EXPECT_EQ(loaded.refused[1].where, "evil.zip");
  EXPECT_EQ(load_packages(root() / "nowhere").error().code, ErrorCode::kNotFound);
  write("notes.txt", "x");
  EXPECT_EQ(load_packages(root() / "notes.txt").error().code, ErrorCode::kInvalidArgument);
}

constexpr std::string_view kTemplate = R"(
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
  Memory: {Type: Number, Default: '512'}
  Secret: {Type: AWS::SSM::Parameter::Value<String>, Default: /path}
Mappings:
  Sizes: {dev: {Width: 100}, prod: {Width: 200}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
Globals:
  Function:
    Runtime: python3.12
    Timeout: 20
    Layers: [!Ref Shared]
    Environment:
      Variables: {STAGE: !Ref Stage, LEVEL: INFO}
Resources:
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: photos}}
  Table: {Type: AWS::DynamoDB::Table}
  Shared: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layers/shared/}}
  ResizeFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/resize
      Handler: main.handler
      Description: !Sub 'Resizes pictures (${Stage}).'
      MemorySize: !Ref Memory
      Architectures: [arm64]
      Layers: [!Sub 'arn:aws:lambda:${AWS::Region}:123456789012:layer:Insights:1']
      Environment:
        Variables:
          LEVEL: DEBUG
          BUCKET: !Ref Bucket
          TABLE: !Ref Table
          TABLE_ARN: !GetAtt Table.Arn
          WIDTH: !FindInMap [Sizes, !Ref Stage, Width]
          NAMES: !Join [',', [a, !Ref Stage]]
          SECOND: !Select [1, !Split ['-', 'x-y-z']]
          LIMIT: !If [IsProd, 100, 5]
          NONE: !If [IsProd, x, !Ref AWS::NoValue]
          KEY: !Ref Secret
      Events:
        Api: {Type: Api, Properties: {Path: /resize, Method: post}}
  NodeFunction:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: node.zip, Handler: index.handler, Runtime: nodejs20.x, FunctionName: thumb}
  Inline:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      Code:
        ZipFile: |
          def handler(event, context):
              return {'pong': True}
  OnlyInProd:
    Type: AWS::Serverless::Function
    Condition: IsProd
    Properties: {CodeUri: nowhere, Handler: x.y}
)";

class TemplateTest : public LoadTest {
 protected:
  void SetUp() override {
    write("app/template.yaml", kTemplate);
    write("app/src/resize/main.py", "def handler(event, context): return {}\n");
    write("app/layers/shared/python/x.py", "");
    write("app/node.zip", make_zip({{.name = "index.js", .content = "exports.handler = 1;"}}));
  }
};

TEST_F(TemplateTest, ReadsEveryFunctionOfIt) {
  const Loaded loaded = load("app");
  for (const auto& refusal : loaded.refused) ADD_FAILURE() << refusal.error.describe();
  ASSERT_THAT(names(loaded), ElementsAre("ResizeFunction", "thumb", "Inline"));
  EXPECT_EQ(names(load("app/template.yaml")), names(loaded));
  const Package& resize = loaded.packages[0];
  EXPECT_EQ(resize.spec.description, "Resizes pictures (dev).");
  EXPECT_EQ(code_of(resize).handler, "main.handler");
  EXPECT_EQ(code_of(resize).runtime, "python3.12");
  EXPECT_EQ(resize.spec.runtime.timeout, std::chrono::seconds(20));
  EXPECT_EQ(resize.spec.runtime.memory_mb, 512);
  EXPECT_THAT(resize.layers, SizeIs(1));
  EXPECT_EQ(code_of(loaded.packages[1]).runtime, "nodejs20.x");
  EXPECT_TRUE(fs::exists(loaded.packages[2].folder / "index.py"));
  EXPECT_EQ(loaded.packages[2].spec.runtime.timeout, std::chrono::seconds(3))
      << "Globals are SAM's, not CloudFormation's";
}

TEST_F(TemplateTest, ResolvesWhatTheTemplateKnows) {
  const auto loaded = load("app");
  ASSERT_THAT(loaded.packages, SizeIs(3));
  const std::map<std::string, std::string> wanted = {
      {"STAGE", "dev"},     {"LEVEL", "DEBUG"},
      {"BUCKET", "photos"}, {"TABLE", "${Table}"},
      {"WIDTH", "100"},     {"NAMES", "a,dev"},
      {"SECOND", "y"},      {"LIMIT", "5"},
      {"KEY", "${Secret}"}, {"TABLE_ARN", "${Table.Arn}"}};
  EXPECT_EQ(loaded.packages[0].spec.runtime.environment, wanted);
}

TEST_F(TemplateTest, NotesWhatItCannotKnowAndWhatIsIgnored) {
  const auto loaded = load("app");
  ASSERT_THAT(loaded.packages, SizeIs(3));
  const auto& notes = loaded.packages[0].notes;
  EXPECT_THAT(notes, testing::Contains(HasSubstr("Environment TABLE: Ref Table")));
  EXPECT_THAT(notes, testing::Contains(HasSubstr("Environment TABLE_ARN: GetAtt Table.Arn")));
  EXPECT_THAT(notes, testing::Contains(HasSubstr("Environment KEY: Ref Secret")));
  EXPECT_THAT(notes, testing::Contains(HasSubstr("layer arn:aws:lambda:us-east-1")));
  EXPECT_THAT(notes, testing::Contains(HasSubstr("arm64")));
  EXPECT_THAT(notes, SizeIs(5));
}

TEST_F(TemplateTest, ASidecarAddsWhatATemplateCannotSay) {
  write("app/ResizeFunction.function.yaml",
        "description: Makes pictures smaller.\ninput: {type: object}\noutput: {type: object}\n"
        "environment: {TABLE: pictures}\negress: [\"example.com:443\"]\n");
  const auto loaded = load("app");
  ASSERT_THAT(loaded.packages, SizeIs(3));
  const dag::FunctionSpec& spec = loaded.packages[0].spec;
  EXPECT_EQ(spec.description, "Makes pictures smaller.");
  EXPECT_EQ(spec.schemas, dag::SchemaSource::kDeclared);
  EXPECT_EQ(spec.runtime.environment.at("TABLE"), "pictures");
  EXPECT_EQ(spec.runtime.environment.at("STAGE"), "dev");
  EXPECT_THAT(spec.runtime.egress, ElementsAre("example.com:443"));
}

TEST_F(TemplateTest, AZipOfAProjectIsAProject) {
  write("p.zip", make_zip({{.name = "template.yml",
                            .content = "Resources:\n  Hello:\n    Type: "
                                       "AWS::Serverless::Function\n    "
                                       "Properties: {CodeUri: hello, "
                                       "Handler: app.lambda_handler, "
                                       "Runtime: python3.12}\n"},
                           {.name = "hello/app.py", .content = std::string(kCode)}}));
  EXPECT_EQ(only("p.zip").spec.name, "Hello");
}

struct Refused {
  std::string name;
  std::string properties;
  std::string reason;
};

class RefusedTemplates : public LoadTest, public testing::WithParamInterface<Refused> {};

TEST_P(RefusedTemplates, SayWhy) {
  write("secret/app.py", kCode);
  write("app/src/app.py", kCode);
  write("app/template.yaml",
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties: " +
            GetParam().properties + "\n");
  const std::string why = refusal("app");
  EXPECT_THAT(why, HasSubstr("template.yaml: F"));
  EXPECT_THAT(why, HasSubstr(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedTemplates,
    testing::Values(
        Refused{"outside", "{CodeUri: ../secret, Handler: app.h, Runtime: python3.11}", "outside"},
        Refused{"absolute", "{CodeUri: /etc, Handler: app.h, Runtime: python3.11}", "relative"},
        Refused{"in_s3", "{CodeUri: 's3://b/k.zip', Handler: app.h, Runtime: python3.11}", "S3"},
        Refused{"bucket", "{CodeUri: {Bucket: b, Key: k}, Handler: a.h, Runtime: python3.11}",
                "S3"},
        Refused{"missing", "{CodeUri: nowhere, Handler: app.h, Runtime: python3.11}",
                "there is no \"nowhere\""},
        Refused{"image", "{PackageType: Image, ImageUri: x}", "container image"},
        Refused{"no_runtime", "{CodeUri: src, Handler: app.h}", "Runtime"},
        Refused{"no_handler", "{CodeUri: src, Runtime: python3.11}", "Handler"},
        Refused{"no_file", "{CodeUri: src, Handler: main.h, Runtime: python3.11}", "main.py"},
        Refused{"timeout", "{CodeUri: src, Handler: app.h, Runtime: python3.11, Timeout: 9000}",
                "900"}),
    [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace ae::repository
