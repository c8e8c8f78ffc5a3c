#include "net/multipart_form.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ae::net {
namespace {

struct Seen {
  std::vector<std::string> parts;  // "name|filename|type|data"
  Result<void> outcome;
  bool done = false;
};

Seen read(std::string_view body, std::size_t step,
          std::string_view type = "multipart/form-data; boundary=xyz") {
  Seen seen;
  std::string part_text;
  auto reader = MultipartReader::make(type, {.begin = [&](const FormPart& part) -> Result<void> {
                                               part_text = part.name + "|" +
                                                           part.filename.value_or("-") + "|" +
                                                           part.content_type + "|";
                                               return {};
                                             },
                                             .data = [&](std::string_view data) -> Result<void> {
                                               part_text += data;
                                               return {};
                                             },
                                             .end = [&]() -> Result<void> {
                                               seen.parts.push_back(part_text);
                                               return {};
                                             }});
  if (!reader) {
    seen.outcome = fail(reader.error());
    return seen;
  }
  for (std::size_t i = 0; i < body.size() && seen.outcome; i += step) {
    seen.outcome = reader->feed(body.substr(i, step));
  }
  seen.done = reader->done();
  return seen;
}

constexpr std::string_view kForm =
    "preamble\r\n--xyz\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--xyz  \r\n"
    "content-type: image/png\r\nContent-Disposition: form-data; name=file; "
    "filename=\"a \\\"b\\\".png\"\r\n\r\n\r\n--xy\r\n-\r\n--xyz\r\n"
    "Content-Disposition: form-data; name=\"empty\"; filename=\"\"\r\n\r\n\r\n--xyz--\r\nepilogue";

TEST(MultipartFormTest, PartsReadTheSameHoweverTheyArrive) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, kForm.size()}) {
    const Seen seen = read(kForm, step);
    ASSERT_TRUE(seen.outcome.has_value()) << seen.outcome.error().message;
    EXPECT_TRUE(seen.done);
    ASSERT_EQ(seen.parts.size(), 3U);
    EXPECT_EQ(seen.parts[0], "note|-||hello");
    EXPECT_EQ(seen.parts[1], "file|a \"b\".png|image/png|\r\n--xy\r\n-");
    EXPECT_EQ(seen.parts[2], "empty|||");
  }
}

TEST(MultipartFormTest, WhatIsNoFormIsRefusedAndHalfAFormIsNotDone) {
  EXPECT_FALSE(read("", 1, "multipart/form-data").outcome.has_value());
  EXPECT_FALSE(
      read("", 1, "multipart/form-data; boundary=" + std::string(71, 'b')).outcome.has_value());
  EXPECT_FALSE(read("--xyz\r\n\r\nno head\r\n--xyz--", 3).outcome.has_value());
  EXPECT_FALSE(read("--xyz\r\nContent-Disposition: attachment\r\n\r\nx", 3).outcome.has_value());
  EXPECT_FALSE(read("--xyzabc\r\n", 3).outcome.has_value());
  EXPECT_FALSE(read("--xyz\r\n" + std::string(9'000, 'h'), 100).outcome.has_value());
  const Seen half = read(kForm.substr(0, 200), 9);
  EXPECT_TRUE(half.outcome.has_value());
  EXPECT_FALSE(half.done);
}

}  // namespace
}  // namespace ae::net
