// Words in names that run together.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ae::repository::internal {

// identifier_words(), and each of them cut into known English words where that leaves nothing over:
// "getimagefroms3" -> get image from s3. Threads: pure.
std::vector<std::string> name_words(std::string_view name);

}  // namespace ae::repository::internal
