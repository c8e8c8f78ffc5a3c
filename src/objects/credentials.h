// Who may sign requests: the pair of this home, pairs derived from it for functions, and a pair of
// the server's environment. Stateless: a derived pair is verified by deriving it again.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/aws_signature.h"

namespace ae::objects {

// Threads: any; it does not change.
class Credentials final {
 public:
  // Reads the pair in `file`, or makes one on the first start (mode 0600, in the form of
  // ~/.aws/credentials). `also` is accepted beside it.
  // Errors: kPermissionDenied when others may read the file or it cannot be written;
  // kInvalidArgument when it holds no pair.
  static Result<Credentials> open(const std::filesystem::path& file,
                                  std::optional<net::AwsCredentials> also = std::nullopt);

  const net::AwsCredentials& root() const { return root_; }
  // The pair of one function, with its name in the access key id.
  net::AwsCredentials of_function(std::string_view function) const;

  struct Principal {
    std::string function;  // "": whoever holds the home's own pair
    std::string secret;
  };
  // nullopt: no such key.
  std::optional<Principal> find(std::string_view access_key_id) const;

 private:
  explicit Credentials(net::AwsCredentials root, std::optional<net::AwsCredentials> also)
      : root_(std::move(root)), also_(std::move(also)) {}

  net::AwsCredentials root_;
  std::optional<net::AwsCredentials> also_;
};

}  // namespace ae::objects
