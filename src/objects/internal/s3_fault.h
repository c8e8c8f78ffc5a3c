// Refusals as S3 words them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "net/aws_signature.h"

namespace ae::objects {

struct S3Fault {
  int status = 500;
  std::string code;  // "NoSuchKey"
  std::string message;
  std::vector<std::pair<std::string, std::string>> details{};  // further elements of the answer
};

// `code` with its status; message: S3's own unless one is given. An unknown code is a programmer's
// error and becomes InternalError.
S3Fault s3_fault(std::string_view code, std::string message = {});

// What the store said. `missing` is the code for kNotFound, which depends on what was looked for.
S3Fault s3_fault(const Error& error, std::string_view missing);

S3Fault s3_fault(const net::AwsRefusal& refusal, std::string_view access_key_id);

}  // namespace ae::objects
