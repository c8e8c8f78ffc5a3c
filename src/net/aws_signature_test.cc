// Signatures against AWS's published examples and against botocore, the SDK that most clients use.
#include "net/aws_signature.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

#include "base/hash.h"
#include "base/text.h"
#include "net/aws_chunked.h"

namespace ae::net {
namespace {

using namespace std::chrono_literals;

// The key pair of AWS's documentation.
const AwsCredentials kExample{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
// That of AWS's signature test suite, and its moment.
const AwsCredentials kSuite{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};

WallTime at(std::string_view timestamp) { return parse_aws_timestamp(timestamp).value(); }

std::string signature_of(const Request& request) {
  const std::string text(request.header("Authorization").value_or(""));
  return text.substr(text.find("Signature=") + 10);
}

Request s3_request(std::string method, std::string target, Headers more = {}) {
  Request request{
      std::move(method), std::move(target), {{"Host", "examplebucket.s3.amazonaws.com"}}, {}};
  for (auto& header : more) request.headers.push_back(std::move(header));
  return request;
}

TEST(AwsSignatureTest, TheExamplesOfTheS3ReferenceComeOutAsPublished) {
  const AwsSigning signing{.region = "us-east-1", .service = "s3", .now = at("20130524T000000Z")};
  Request get = s3_request("GET", "/test.txt", {{"Range", "bytes=0-9"}});
  sign_aws_request(get, kExample, signing);
  EXPECT_EQ(signature_of(get), "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  Request put = s3_request(
      "PUT", "/test$file.text",
      {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}});
  put.body = "Welcome to Amazon S3.";
  sign_aws_request(put, kExample, signing);
  EXPECT_EQ(signature_of(put), "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  Request lifecycle = s3_request("GET", "/?lifecycle");
  sign_aws_request(lifecycle, kExample, signing);
  EXPECT_EQ(signature_of(lifecycle),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  Request list = s3_request("GET", "/?max-keys=2&prefix=J");
  sign_aws_request(list, kExample, signing);
  EXPECT_EQ(signature_of(list), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
  EXPECT_EQ(presign_aws_target("GET", "examplebucket.s3.amazonaws.com", "/test.txt", kExample,
                               signing, 86'400s),
            "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"
            "20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires="
            "86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(AwsSignatureTest, AnOrdinaryServiceIsSignedAsInTheTestSuite) {
  Request request{"GET", "/", {{"Host", "example.amazonaws.com"}}, {}};
  sign_aws_request(request, kSuite,
                   {.region = "us-east-1", .service = "service", .now = at("20150830T123600Z")});
  EXPECT_EQ(signature_of(request),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST(AwsSignatureTest, WhatWasSignedVerifiesAndWhatWasChangedDoesNot) {
  const WallTime now = at("20261120T160000Z");
  Request request = s3_request("PUT", "/a%20b//../%C3%A9?x=1&a=%2F&empty",
                               {{"x-amz-meta-note", "two   blanks"}, {"X-Amz-Meta-Note", "again"}});
  sign_aws_request(request, kExample, {.region = "eu-west-1", .service = "s3", .now = now});
  const auto verdict = [&](const Request& sent, WallTime when) -> std::optional<AwsFault> {
    const auto claim = read_aws_claim(sent);
    EXPECT_TRUE(claim.has_value() && claim->has_value());
    const auto key = verify_aws_claim(sent, **claim, kExample.secret_access_key, when);
    if (key) return std::nullopt;
    return key.error().fault;
  };
  EXPECT_EQ(verdict(request, now), std::nullopt);
  EXPECT_EQ(verdict(request, now + 15min), std::nullopt);
  EXPECT_EQ(verdict(request, now + 15min + 1s), AwsFault::kSkewed);
  EXPECT_EQ(verdict(request, now - 15min - 1s), AwsFault::kSkewed);
  Request other = request;
  other.method = "DELETE";
  EXPECT_EQ(verdict(other, now), AwsFault::kMismatch);
  other = request;
  other.target += "&more=1";
  EXPECT_EQ(verdict(other, now), AwsFault::kMismatch);
  other = request;
  other.headers.emplace_back("X-Amz-Acl", "public-read");
  EXPECT_EQ(verdict(other, now), AwsFault::kUnsignedHeader);
  other = request;
  other.headers[1].second = "two blanks";  // runs of blanks count as one
  EXPECT_EQ(verdict(other, now), std::nullopt);
  other.headers[1].second = "twoblanks";
  EXPECT_EQ(verdict(other, now), AwsFault::kMismatch);
  const auto claim = read_aws_claim(request);
  EXPECT_EQ(verify_aws_claim(request, **claim, "wrong", now).error().fault, AwsFault::kMismatch);
}

TEST(AwsSignatureTest, APresignedUrlWorksUntilItsTimeIsOver) {
  const WallTime now = at("20261120T160000Z");
  Request request = s3_request("GET", "");
  request.target = presign_aws_target("GET", "examplebucket.s3.amazonaws.com", "/k%20y?versionId=1",
                                      kExample, {.region = "r", .service = "s3", .now = now}, 60s);
  const auto verdict = [&](WallTime when) -> std::optional<AwsFault> {
    const auto claim = read_aws_claim(request);
    const auto key = verify_aws_claim(request, claim->value(), kExample.secret_access_key, when);
    if (key) return std::nullopt;
    return key.error().fault;
  };
  EXPECT_EQ(verdict(now), std::nullopt);
  EXPECT_EQ(verdict(now + 60s), std::nullopt);
  EXPECT_EQ(verdict(now + 61s), AwsFault::kExpired);
  EXPECT_EQ(verdict(now - 16min), AwsFault::kNotYetValid);
  request.method = "PUT";
  EXPECT_EQ(verdict(now), AwsFault::kMismatch);
}

TEST(AwsSignatureTest, WhatIsNotSignedIsToldFromWhatIsSignedBadly) {
  const auto read = [](std::string target, Headers headers) {
    return read_aws_claim({"GET", std::move(target), std::move(headers), {}});
  };
  EXPECT_EQ(read("/", {})->has_value(), false);
  EXPECT_EQ(read("/?list-type=2", {{"Authorization", "Bearer x"}})->has_value(), false);
  const std::string good =
      "AWS4-HMAC-SHA256 Credential=A/20261120/r/s3/aws4_request,SignedHeaders=host,Signature=" +
      std::string(64, 'a');
  EXPECT_TRUE(
      read("/", {{"Authorization", good}, {"X-Amz-Date", "20261120T160000Z"}})->has_value());
  for (const std::string& bad :
       {good.substr(0, good.size() - 1), good + "A", std::string("AWS4-HMAC-SHA256"),
        std::string("AWS4-HMAC-SHA256 Credential=A/20261120/r/s3,SignedHeaders=host,Signature=a"),
        std::string("AWS AKID:signature")}) {
    const auto claim = read("/", {{"Authorization", bad}, {"X-Amz-Date", "20261120T160000Z"}});
    ASSERT_FALSE(claim.has_value()) << bad;
    EXPECT_EQ(claim.error().fault, AwsFault::kMalformedHeader);
  }
  EXPECT_EQ(read("/?X-Amz-Signature=1", {}).error().fault, AwsFault::kMalformedQuery);
  EXPECT_EQ(read("/?AWSAccessKeyId=1", {}).error().fault, AwsFault::kMalformedQuery);
  for (const std::string_view text : {"20261301T000000Z", "20260229T000000Z", "20261120T240000Z",
                                      "20261120 000000Z", "20261120T000000", ""}) {
    EXPECT_FALSE(parse_aws_timestamp(text).has_value()) << text;
  }
  EXPECT_EQ(to_aws_timestamp(at("20240229T235959Z")), "20240229T235959Z");
}

// ---- Bodies in chunks ------------------------------------------------------------------------

// The example of the S3 reference: 66,560 bytes in chunks of 64 KB.
std::string published_chunks() {
  return "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
         "\r\n" +
         std::string(65'536, 'a') +
         "\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
         "\r\n" +
         std::string(1'024, 'a') +
         "\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
         "\r\n\r\n";
}

AwsChunkSigning published_signing() {
  const AwsScope scope{"20130524", "us-east-1", "s3"};
  return {aws_signing_key(kExample.secret_access_key, scope), "20130524T000000Z", scope.text(),
          "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"};
}

TEST(AwsChunkedTest, ThePublishedExampleDecodesHoweverItArrives) {
  const std::string sent = published_chunks();
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{5'000}, sent.size()}) {
    AwsChunkedDecoder decoder(published_signing());
    std::string data;
    for (std::size_t i = 0; i < sent.size(); i += step) {
      ASSERT_TRUE(decoder.feed(std::string_view(sent).substr(i, step), data).has_value());
    }
    EXPECT_TRUE(decoder.done());
    EXPECT_EQ(data, std::string(66'560, 'a'));
  }
}

TEST(AwsChunkedTest, AChangedByteOrAMissingSignatureIsRefused) {
  std::string sent = published_chunks();
  sent[1'000] = 'b';
  std::string data;
  EXPECT_EQ(AwsChunkedDecoder(published_signing()).feed(sent, data).error().code,
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(AwsChunkedDecoder(published_signing()).feed("1\r\nx\r\n", data).error().code,
            ErrorCode::kPermissionDenied);
}

TEST(AwsChunkedTest, TrailersComeWithAndWithoutSignatures) {
  AwsChunkedDecoder plain(std::nullopt);
  std::string data;
  ASSERT_TRUE(
      plain.feed("5\r\nhello\r\n0\r\nX-Amz-Checksum-Crc32: NhCmhg==\r\n\r\n", data).has_value());
  EXPECT_TRUE(plain.done());
  EXPECT_EQ(data, "hello");
  EXPECT_EQ(find_header(plain.trailers(), "x-amz-checksum-crc32"), "NhCmhg==");

  // AWS's example with a trailer: the same data, CRC-32C.
  AwsChunkSigning signing = published_signing();
  signing.seed_signature = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
  const std::string sent =
      "10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n" +
      std::string(65'536, 'a') +
      "\r\n400;chunk-signature="
      "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n" +
      std::string(1'024, 'a') +
      "\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
      "x-amz-checksum-crc32c:sOO8/Q==\r\n"
      "x-amz-trailer-signature:"
      "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n";
  AwsChunkedDecoder decoder(signing);
  data.clear();
  const auto fed = decoder.feed(sent, data);
  ASSERT_TRUE(fed.has_value()) << fed.error().message;
  EXPECT_TRUE(decoder.done());
  EXPECT_EQ(to_base64(digest(DigestKind::kCrc32c, data)), "sOO8/Q==");
  std::string unsigned_trailer = sent.substr(0, sent.find("x-amz-trailer")) + "\r\n";
  AwsChunkedDecoder strict(signing);
  EXPECT_EQ(strict.feed(unsigned_trailer, data).error().code, ErrorCode::kPermissionDenied);
}

TEST(AwsChunkedTest, MalformedChunksAreRefused) {
  for (const std::string_view bad :
       {"\r\n", "g\r\n", "1 \r\nx\r\n", "1\nx\r\n", "1\r\nxy\r\n", "0\r\nnofield\r\n",
        "0\r\n:x\r\n", "1;other=1\r\nx\r\n", "fffffffffffffffff\r\n", "0\r\n\r\nmore"}) {
    std::string data;
    AwsChunkedDecoder decoder(std::nullopt);
    EXPECT_FALSE(decoder.feed(bad, data).has_value()) << bad;
  }
  std::string data;
  AwsChunkedDecoder decoder(std::nullopt);
  EXPECT_FALSE(decoder.feed(std::string(5'000, '1'), data).has_value());
}

// ---- botocore as the judge -------------------------------------------------------------------

// Signs with botocore what the script says and prints "name: value" lines.
std::string botocore(const std::string& script) {
  const std::string command = "/usr/bin/python3 -c '" + script + "' 2>&1";
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  std::string output;
  std::array<char, 4096> buffer{};
  while (const std::size_t bytes = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), bytes);
  }
  ::pclose(pipe);
  return output;
}

std::string line_after(std::string_view text, std::string_view name) {
  const std::size_t begin = text.find(std::string(name) + ": ");
  if (begin == std::string_view::npos) return {};
  const std::size_t start = begin + name.size() + 2;
  return std::string(text.substr(start, text.find('\n', start) - start));
}

TEST(AwsSignatureTest, BotocoreAndWeAgreeOnEveryAwkwardRequest) {
  struct Case {
    std::string_view signer;
    std::string_view service;
    std::string_view method;
    std::string_view target;
    std::string_view body;
  };
  for (const Case& each : {
           Case{"S3SigV4Auth", "s3", "PUT", "/bucket/a%20b/%2B%26=~-_.%2A//x", "data"},
           Case{"S3SigV4Auth", "s3", "GET",
                "/bucket?list-type=2&prefix=a%2Fb&delimiter=%2F&x=", ""},
           Case{"S3SigV4Auth", "s3", "POST", "/bucket/key?uploads", ""},
           Case{"SigV4Auth", "lambda", "POST",
                "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction"
                "%3Af/invocations?Qualifier=%24LATEST",
                "{}"},
           Case{"SigV4Auth", "lambda", "GET", "/2015-03-31/functions/?MaxItems=1&Marker=a%3D", ""},
       }) {
    const std::string output = botocore(fmt::format(
        "import botocore.auth, botocore.awsrequest, botocore.credentials as c\n"
        "r = botocore.awsrequest.AWSRequest(method=\"{}\", url=\"http://localhost:8000{}\", "
        "data=b\"{}\", headers={{\"x-amz-meta-a\": \"b  c\", \"content-type\": \"text/plain\"}})\n"
        "botocore.auth.{}(c.Credentials(\"AKID\", \"secret\"), \"{}\", \"eu-west-1\").add_auth(r)\n"
        "print(\"now:\", r.context[\"timestamp\"])\n"
        "[print(k + \":\", v) for k, v in r.headers.items()]",
        each.method, each.target, each.body == "{}" ? "{}" : each.body, each.signer, each.service));
    Request request{
        std::string(each.method),
        std::string(each.target),
        {{"Host", "localhost:8000"}, {"x-amz-meta-a", "b  c"}, {"Content-Type", "text/plain"}},
        std::string(each.body)};
    for (const char* name : {"X-Amz-Date", "Authorization", "X-Amz-Content-SHA256"}) {
      const std::string value = line_after(output, name);
      if (!value.empty()) request.headers.emplace_back(name, value);
    }
    const auto claim = read_aws_claim(request);
    ASSERT_TRUE(claim.has_value() && claim->has_value()) << output;
    const auto verdict =
        verify_aws_claim(request, **claim, "secret", at(line_after(output, "now")));
    EXPECT_TRUE(verdict.has_value()) << each.target << "\n"
                                     << output << verdict.error().canonical_request;
  }
}

TEST(AwsSignatureTest, UrlsThatBotocorePresignsVerifyInBothVersions) {
  for (const std::string_view version : {"s3v4", "s3"}) {
    const std::string output = botocore(fmt::format(
        "import botocore.session, botocore.config\n"
        "s = botocore.session.get_session()\n"
        "c = s.create_client(\"s3\", region_name=\"us-east-1\", "
        "endpoint_url=\"http://127.0.0.1:8000\", aws_access_key_id=\"AKID\", "
        "aws_secret_access_key=\"secret\", "
        "config=botocore.config.Config(signature_version=\"{}\"))\n"
        "print(\"url:\", c.generate_presigned_url(\"get_object\", Params={{\"Bucket\": \"b\", "
        "\"Key\": \"a b/+&é\", \"ResponseContentType\": \"text/plain\"}}, ExpiresIn=600))",
        version));
    const std::string url = line_after(output, "url");
    ASSERT_FALSE(url.empty()) << output;
    const Request request{
        "GET", url.substr(url.find("8000") + 4), {{"Host", "127.0.0.1:8000"}}, {}};
    const auto claim = read_aws_claim(request);
    ASSERT_TRUE(claim.has_value() && claim->has_value()) << url;
    const WallTime now = SystemClock::instance().now();
    EXPECT_TRUE(verify_aws_claim(request, **claim, "secret", now).has_value()) << url;
    EXPECT_EQ(verify_aws_claim(request, **claim, "other", now).error().fault, AwsFault::kMismatch);
    EXPECT_EQ(verify_aws_claim(request, **claim, "secret", now + 20min).error().fault,
              AwsFault::kExpired);
  }
}

}  // namespace
}  // namespace ae::net
