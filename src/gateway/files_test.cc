// Files from people: /v1/files, and the same in the words of the paper's system.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/internal/test_house.h"

namespace ae::gateway {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kForm =
    "--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n"
    "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"C:\\photos\\a.jpg\"\r\n\r\n"
    "picture\r\n"
    "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"../../b.txt\"\r\n"
    "Content-Type: text/x-own\r\n\r\ntext\r\n--b--\r\n";
const net::Headers kFormType{{"Content-Type", "multipart/form-data; boundary=b"}};

TEST(FilesTest, AFormBringsFilesThatAreListedShownReadAndRemoved) {
  House house;
  const Reply posted = house.send_text("POST", "/v1/files", std::string(kForm), kFormType);
  ASSERT_EQ(posted.status, 201) << posted.body;
  ASSERT_EQ(posted.json["files"].size(), 2U);
  const Json& photo = posted.json["files"][0];
  EXPECT_EQ(photo["name"], "a.jpg");
  EXPECT_EQ(photo["content_type"], "image/jpeg");
  EXPECT_EQ(photo["size"], 7);
  EXPECT_EQ(photo["bucket"], "uploads");
  EXPECT_EQ(posted.json["files"][1]["name"], "b.txt");
  EXPECT_EQ(posted.json["files"][1]["content_type"], "text/x-own");
  const std::string key = photo["key"].get<std::string>();
  EXPECT_EQ(house.send("GET", "/v1/files").json["files"].size(), 2U);
  EXPECT_EQ(house.send("GET", "/v1/files/" + key).json["s3_url"], "s3://uploads/" + key);
  const Reply content = house.send("GET", "/v1/files/" + key + "/content");
  EXPECT_EQ(content.body, "picture");
  EXPECT_THAT(content.header("Content-Disposition"), HasSubstr("a.jpg"));
  // The presigned URL needs no credentials.
  const std::string url = photo["url"].get<std::string>();
  net::HttpClient client(house.server().url());
  const auto opened = client.send({"GET", url.substr(house.server().url().size()), {}, {}});
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->body, "picture");
  EXPECT_EQ(house.send("DELETE", "/v1/files/" + key).status, 204);
  EXPECT_EQ(house.send("GET", "/v1/files/" + key).status, 404);
  EXPECT_EQ(house.send("DELETE", "/v1/files/" + key).status, 404);
}

TEST(FilesTest, BareBytesAreAFileToo) {
  House house;
  const Reply posted = house.send_text("POST", "/v1/files?name=table.csv", "a,b\n1,2\n",
                                       {{"Content-Type", "application/octet-stream"}});
  ASSERT_EQ(posted.status, 201) << posted.body;
  EXPECT_EQ(posted.json["files"][0]["content_type"], "text/csv");
  const std::string large(9UL << 20U, 'x');  // more than any other body may have
  const Reply more = house.send_text("POST", "/v1/files?name=large.bin", large, {});
  ASSERT_EQ(more.status, 201) << more.body.substr(0, 300);
  EXPECT_EQ(more.json["files"][0]["size"], large.size());
  EXPECT_EQ(house.in_process("GET", "/v1/files").json["files"].size(), 2U);
}

TEST(FilesTest, WhatIsBrokenLeavesNothing) {
  House house;
  const std::string half(kForm.substr(0, kForm.size() - 20));
  EXPECT_EQ(house.send_text("POST", "/v1/files", half, kFormType).status, 400);
  EXPECT_EQ(house.send_text("POST", "/v1/files", "--b--\r\n", kFormType).status, 400);
  EXPECT_EQ(
      house.send_text("POST", "/v1/files", "x", {{"Content-Type", "multipart/form-data"}}).status,
      400);
  EXPECT_EQ(house.send_text("POST", "/v1/files?nam=x", "x", {}).status, 400);
  EXPECT_EQ(house.send("GET", "/v1/files").json["files"].size(), 0U);
}

TEST(FilesTest, ThePapersRoutesSayTheSameInItsWords) {
  House house;
  const Reply posted = house.send_text("POST", "/upload-files", std::string(kForm), kFormType);
  ASSERT_EQ(posted.status, 200) << posted.body;
  const Json& file = posted.json["uploaded_files"][0];
  for (const char* field : {"original_filename", "s3_key", "s3_url", "public_url", "content_type",
                            "file_size", "presigned_url"}) {
    EXPECT_TRUE(file.contains(field)) << field;
  }
  const std::string key = file["s3_key"].get<std::string>();
  EXPECT_EQ(house.send("GET", "/file-info/" + key).json["file_size"], 7);
  EXPECT_EQ(house.send("DELETE", "/files/" + key).status, 200);
  EXPECT_EQ(house.send("GET", "/file-info/" + key).status, 404);
  EXPECT_EQ(house.send_text("POST", "/upload-files", "x", {}).status, 400);
}

}  // namespace
}  // namespace ae::gateway
