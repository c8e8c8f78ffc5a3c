// The S3 and Lambda wires on the gateway's own port.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "gateway/internal/test_house.h"

namespace ae::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class AwsWireTest : public ::testing::Test {
 protected:
  Reply s3(std::string method, std::string target, std::string body = {},
           net::Headers headers = {}) {
    return house_.send_signed(
        "s3", {std::move(method), std::move(target), std::move(headers), std::move(body)});
  }
  Reply lambda(std::string method, std::string target, std::string body = {},
               net::Headers headers = {}) {
    return house_.send_signed(
        "lambda", {std::move(method), std::move(target), std::move(headers), std::move(body)});
  }
  // Without a signature, and without the check against openapi.json, which does not list wires.
  Reply plain(std::string method, std::string target, net::Headers headers = {},
              std::string body = {}) {
    net::HttpClient client(house_.server().url());
    auto response =
        client.send({std::move(method), std::move(target), std::move(headers), std::move(body)});
    EXPECT_TRUE(response.has_value());
    return {response->status, response->headers, response->body, {}};
  }

  House house_;
};

TEST_F(AwsWireTest, AnObjectGoesInAndOutAndTheRestApiKeepsItsPaths) {
  EXPECT_EQ(s3("PUT", "/photos").status, 200);
  const Reply put = s3("PUT", "/photos/a%20b/c.txt", "hello",
                       {{"Content-Type", "text/plain"}, {"x-amz-meta-by", "Anna"}});
  EXPECT_EQ(put.status, 200);
  EXPECT_EQ(put.header("ETag"), "\"5d41402abc4b2a76b9719d911017c592\"");
  const Reply got = s3("GET", "/photos/a%20b/c.txt");
  EXPECT_EQ(got.body, "hello");
  EXPECT_EQ(got.header("Content-Type"), "text/plain");
  EXPECT_EQ(got.header("x-amz-meta-by"), "Anna");
  const Reply part = s3("GET", "/photos/a%20b/c.txt", {}, {{"Range", "bytes=1-3"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "ell");
  EXPECT_EQ(part.header("Content-Range"), "bytes 1-3/5");
  EXPECT_EQ(s3("GET", "/photos/a%20b/c.txt", {}, {{"If-None-Match", put.header("ETag")}}).status,
            304);
  EXPECT_THAT(s3("GET", "/photos?list-type=2&delimiter=%2F").body,
              HasSubstr("<CommonPrefixes><Prefix>a b/</Prefix></CommonPrefixes>"));
  EXPECT_EQ(s3("DELETE", "/photos").status, 409);
  EXPECT_EQ(s3("DELETE", "/photos/a%20b/c.txt").status, 204);
  EXPECT_THAT(s3("GET", "/photos/a%20b/c.txt").body, HasSubstr("<Code>NoSuchKey</Code>"));
  EXPECT_EQ(house_.send("GET", "/healthz").status, 200);
  EXPECT_EQ(house_.send("GET", "/v1/functions").status, 200);
}

TEST_F(AwsWireTest, NamesOfRoutesAreNoNamesOfBuckets) {
  for (const std::string name : {"api", "docs", "healthz", "openapi.json", "2015-03-31",
                                 "upload-files", "file-info", "files", "workflows"}) {
    const Reply refused = s3("PUT", "/" + name);
    EXPECT_EQ(refused.status, 400) << name;
    EXPECT_THAT(refused.body, HasSubstr("InvalidBucketName")) << name;
  }
}

TEST_F(AwsWireTest, WhoDoesNotSignGetsOnlyWhatIsPublic) {
  s3("PUT", "/photos");
  s3("PUT", "/photos/private", "p");
  s3("PUT", "/photos/public", "q", {{"x-amz-acl", "public-read"}});
  EXPECT_EQ(plain("GET", "/photos/public").body, "q");
  EXPECT_EQ(plain("GET", "/photos/private").status, 403);
  EXPECT_EQ(plain("GET", "/photos/missing").status, 403);
  EXPECT_EQ(plain("GET", "/photos").status, 403);
  EXPECT_EQ(plain("PUT", "/photos/x", {}, "no").status, 403);
  EXPECT_EQ(plain("DELETE", "/photos/public").status, 403);
  // A page from elsewhere, under a name of its own or with its origin.
  EXPECT_EQ(plain("GET", "/photos/public", {{"Host", "evil.example"}}).status, 403);
  EXPECT_EQ(plain("GET", "/photos/public", {{"Origin", "http://evil.example"}}).status, 403);
  const std::string port = std::to_string(house_.server().port());
  EXPECT_EQ(plain("GET", "/public", {{"Host", "photos.localhost:" + port}}).body, "q");
  EXPECT_EQ(plain("GET", "/public", {{"Host", "photos.evil.example:" + port}}).status, 403);
  // What looks signed and is for nobody who verifies it gets no further than what is not.
  EXPECT_EQ(plain("GET", "/v1/functions",
                  {{"Host", "evil.example"},
                   {"X-Amz-Date", "20261120T160000Z"},
                   {"Authorization",
                    "AWS4-HMAC-SHA256 Credential=A/20261120/r/lambda/aws4_request, "
                    "SignedHeaders=host, Signature=" +
                        std::string(64, 'a')}})
                .status,
            403);
}

TEST_F(AwsWireTest, SignaturesThatAreWrongAreRefusedAsS3WordsIt) {
  const net::AwsCredentials wrong{house_.credentials().root().access_key_id, "wrong"};
  EXPECT_THAT(house_.send_signed("s3", {"GET", "/", {}, {}}, &wrong).body,
              HasSubstr("<Code>SignatureDoesNotMatch</Code>"));
  const net::AwsCredentials nobody{"AKIAIOSFODNN7EXAMPLE", "x"};
  EXPECT_THAT(house_.send_signed("s3", {"GET", "/", {}, {}}, &nobody).body,
              HasSubstr("<Code>InvalidAccessKeyId</Code>"));
  const net::AwsCredentials function = house_.credentials().of_function("resize");
  EXPECT_EQ(house_.send_signed("s3", {"GET", "/", {}, {}}, &function).status, 200);
  EXPECT_EQ(plain("GET", "/", {{"Authorization", "AWS4-HMAC-SHA256 nonsense"}}).status, 400);
  // Signed for another service.
  EXPECT_THAT(lambda("GET", "/photos").body, HasSubstr("no_such_route"));
}

TEST_F(AwsWireTest, ABodyThatIsNotWhatWasSignedIsNotKept) {
  s3("PUT", "/photos");
  const std::string other = sha256_hex("other");
  const Reply refused = house_.send_signed(
      "s3", {"PUT", "/photos/k", {{"Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="}}, "hello"});
  EXPECT_THAT(refused.body, HasSubstr("<Code>BadDigest</Code>"));
  EXPECT_THAT(s3("PUT", "/photos/k", "hello", {{"x-amz-checksum-crc32", "AAAAAA=="}}).body,
              HasSubstr("<Code>BadDigest</Code>"));
  EXPECT_EQ(s3("PUT", "/photos/k", "hello", {{"x-amz-checksum-crc32", "NhCmhg=="}}).status, 200);
  EXPECT_EQ(s3("HEAD", "/photos/k", {}, {{"x-amz-checksum-mode", "ENABLED"}})
                .header("x-amz-checksum-crc32"),
            "NhCmhg==");
  EXPECT_THAT(s3("PUT", "/photos/k", "x", {{"x-amz-tagging", "a=b"}}).body,
              HasSubstr("<Code>NotImplemented</Code>"));
  EXPECT_THAT(s3("GET", "/photos?policy").body, HasSubstr("<Code>NotImplemented</Code>"));
  EXPECT_THAT(s3("PUT", "/photos/" + std::string(1025, 'k'), "x").body,
              HasSubstr("<Code>KeyTooLongError</Code>"));
}

TEST_F(AwsWireTest, APageAmongTheObjectsIsShutIn) {
  s3("PUT", "/photos");
  s3("PUT", "/photos/page", "<script>", {{"Content-Type", "text/html"}});
  s3("PUT", "/photos/picture", "png", {{"Content-Type", "image/png"}});
  EXPECT_EQ(s3("GET", "/photos/page").header("Content-Security-Policy"), "sandbox");
  EXPECT_EQ(s3("GET", "/photos/picture").header("Content-Security-Policy"), "");
  EXPECT_EQ(s3("GET", "/photos/picture?response-content-type=image%2Fsvg%2Bxml")
                .header("Content-Security-Policy"),
            "sandbox");
}

// A body of one chunk and the empty last one, each signed from the signature before it.
std::string signed_chunks(const net::AwsCredentials& pair, const net::Request& request,
                          std::string_view data) {
  const net::AwsClaim claim = net::read_aws_claim(request)->value();
  const std::string key = net::aws_signing_key(pair.secret_access_key, claim.scope);
  std::string previous = claim.signature;
  std::string body;
  for (const std::string_view chunk : {data, std::string_view{}}) {
    previous = to_hex(hmac_sha256(
        key, fmt::format("AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{}\n{}\n{}", claim.timestamp,
                         claim.scope.text(), previous, sha256_hex(""), sha256_hex(chunk))));
    body += fmt::format("{:x};chunk-signature={}\r\n{}{}", chunk.size(), previous, chunk, "\r\n");
  }
  return body;
}

TEST_F(AwsWireTest, ABodyInSignedChunksIsKeptOnlyWhenEverySignatureFits) {
  s3("PUT", "/photos");
  const net::AwsCredentials& pair = house_.credentials().root();
  const std::string& url = house_.server().url();
  const auto put = [&](std::string_view data, std::string_view announced, bool change) {
    net::Request request{"PUT",
                         "/photos/chunked",
                         {{"Host", url.substr(url.find("://") + 3)},
                          {"Content-Encoding", "aws-chunked"},
                          {"x-amz-decoded-content-length", std::string(announced)}},
                         {}};
    net::sign_aws_request(request, pair,
                          {.region = "us-east-1",
                           .service = "s3",
                           .now = SystemClock::instance().now(),
                           .payload_hash = std::string(net::kStreamingSigned)});
    request.body = signed_chunks(pair, request, data);
    if (change) request.body[request.body.find("hello")] = 'j';
    net::HttpClient client(url);
    const auto response = client.send(request);
    return response ? response->body : response.error().message;
  };
  EXPECT_EQ(put("hello", "5", false), "");
  const Reply got = s3("GET", "/photos/chunked");
  EXPECT_EQ(got.body, "hello");
  EXPECT_EQ(got.header("Content-Encoding"), "");
  EXPECT_THAT(put("hello again", "11", true), HasSubstr("<Code>SignatureDoesNotMatch</Code>"));
  EXPECT_THAT(put("hello", "6", false), HasSubstr("<Code>IncompleteBody</Code>"));
  EXPECT_EQ(s3("GET", "/photos/chunked").body, "hello");
}

constexpr std::string_view kGreet =
    "    print('hello log')\n"
    "    if event.get('fail'): raise ValueError('as asked')\n"
    "    import os\n"
    "    if event.get('touch'): open(os.path.join(os.environ['AE_STATE_DIR'], 'ran'), "
    "'w').close()\n"
    "    cc = context.client_context\n"
    "    return {'greeting': 'Hello ' + event.get('who', 'nobody'), 'custom': cc.custom if cc else "
    "None}\n";

TEST_F(AwsWireTest, FunctionsAreInvokedAsOnLambda) {
  house_.add_function("greet", kGreet, "");
  const std::string path = "/2015-03-31/functions/greet/invocations";
  const Reply answer = lambda("POST", path, R"({"who": "Anna"})", {{"X-Amz-Log-Type", "Tail"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json["greeting"], "Hello Anna");
  EXPECT_EQ(answer.header("X-Amz-Executed-Version"), "$LATEST");
  EXPECT_EQ(answer.header("X-Amz-Function-Error"), "");
  EXPECT_THAT(from_base64(answer.header("X-Amz-Log-Result")).value(), HasSubstr("hello log"));
  const Reply failed = lambda("POST", path, R"({"fail": true})");
  EXPECT_EQ(failed.status, 200);
  EXPECT_EQ(failed.header("X-Amz-Function-Error"), "Unhandled");
  EXPECT_EQ(failed.json["errorType"], "ValueError");
  EXPECT_EQ(failed.json["errorMessage"], "as asked");
  const Reply context = lambda("POST", path, "{}",
                               {{"X-Amz-Client-Context", to_base64(R"({"custom": {"a": "b"}})")}});
  EXPECT_EQ(context.json["custom"]["a"], "b") << context.body;
  EXPECT_EQ(lambda("POST", path, "{}", {{"X-Amz-Invocation-Type", "DryRun"}}).status, 204);
  const std::string arn =
      net::percent_encode("arn:aws:lambda:us-east-1:000000000000:function:greet");
  EXPECT_EQ(lambda("POST", "/2015-03-31/functions/" + arn + "/invocations", "").status, 200);
  EXPECT_EQ(plain("POST", path, {}, "{}").status, 200);  // unsigned, on loopback
  EXPECT_EQ(plain("POST", path, {{"Host", "evil.example"}}, "{}").status, 403);
}

TEST_F(AwsWireTest, AnEventIsTakenAndReallyRuns) {
  house_.add_function("greet", kGreet, "");
  const auto ran = house_.state_of("greet") / "ran";
  ASSERT_FALSE(std::filesystem::exists(ran));
  EXPECT_EQ(lambda("POST", "/2015-03-31/functions/greet/invocations", R"({"touch": true})",
                   {{"X-Amz-Invocation-Type", "Event"}})
                .status,
            202);
  for (int i = 0; i < 2000 && !std::filesystem::exists(ran); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  EXPECT_TRUE(std::filesystem::exists(ran));
}

TEST_F(AwsWireTest, FunctionsAreListedInPagesAndUnknownOnesNamed) {
  for (const char* name : {"one", "two", "three"}) {
    house_.add_function(name, kGreet, "");
  }
  std::vector<std::string> names;
  std::string marker;
  for (int pages = 0; pages < 5; ++pages) {
    const Reply page = lambda(
        "GET", "/2015-03-31/functions/?MaxItems=2" + (marker.empty() ? "" : "&Marker=" + marker));
    EXPECT_EQ(page.status, 200);
    for (const Json& each : page.json["Functions"]) names.push_back(each["FunctionName"]);
    marker = json::string_or(page.json, "NextMarker");
    if (marker.empty()) break;
    marker = net::percent_encode(marker);
  }
  EXPECT_THAT(names, ::testing::ElementsAre("one", "three", "two"));
  const Reply one = lambda("GET", "/2015-03-31/functions/one");
  EXPECT_EQ(one.json["Configuration"]["Handler"], "lambda_function.lambda_handler");
  const Reply missing = lambda("GET", "/2015-03-31/functions/none");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.header("x-amzn-ErrorType"), "ResourceNotFoundException");
  const std::string path = "/2015-03-31/functions/one/invocations";
  EXPECT_EQ(lambda("POST", path, "{").header("x-amzn-ErrorType"), "InvalidRequestContentException");
  EXPECT_EQ(lambda("POST", path + "?Qualifier=none", "{}").status, 404);
  EXPECT_EQ(lambda("DELETE", "/2015-03-31/functions/one").status, 501);
  const net::AwsCredentials wrong{house_.credentials().root().access_key_id, "wrong"};
  EXPECT_EQ(
      house_.send_signed("lambda", {"POST", path, {}, "{}"}, &wrong).header("x-amzn-ErrorType"),
      "InvalidSignatureException");
}

}  // namespace
}  // namespace ae::gateway
