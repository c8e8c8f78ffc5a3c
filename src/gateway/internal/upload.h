// Archives in request bodies: application/zip, or the files of multipart/form-data.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ae::gateway {

// True for the media types above.
bool is_upload_type(std::string_view media_type);

struct UploadedFile {
  std::string name;  // "resize.zip": the file's, without folders; "" when the sender gave none
  std::string_view content;  // of the body
};

// The files of a multipart/form-data body (RFC 7578); fields without a file name are left out.
// `content_type` is the whole header. At most 100 parts. Errors: kInvalidArgument. Threads: pure.
Result<std::vector<UploadedFile>> read_multipart(std::string_view content_type,
                                                 std::string_view body);

}  // namespace ae::gateway
