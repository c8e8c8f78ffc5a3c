// Attached files: where they lie becomes the values of parameters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "solve/internal/test_support.h"

namespace ae::solve {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::string_view kPublicUrl =
    "Create a workflow that retrieves an image from S3, resizes it to 256x256 and returns the "
    "public URL of the resized image for display in the UI";

constexpr std::string_view kImages = R"json([
 {"name": "getimagefroms3", "description": "Retrieves an image from an S3 bucket.",
  "input": {"bucket": {"type": "string", "description": "Bucket that holds the image."},
            "key": {"type": "string", "description": "Key of the image."}},
  "output": {"image": {"type": "string", "contentEncoding": "base64", "description": "The image."}}},
 {"name": "resizeimage", "description": "Resizes an image to exactly a width and a height.",
  "input": {"image": {"type": "string", "contentEncoding": "base64", "description": "The image."},
            "width": {"type": "integer", "description": "Width in pixels."},
            "height": {"type": "integer", "description": "Height in pixels."}},
  "output": {"resized_image": {"type": "string", "contentEncoding": "base64", "description": "The resized image."}}},
 {"name": "uploadimagetos3", "description": "Uploads an image to an S3 bucket.", "effects": ["write"],
  "input": {"image": {"type": "string", "contentEncoding": "base64", "description": "The image."},
            "bucket": {"type": "string", "description": "Bucket to upload to.", "default": "uploads"},
            "key": {"type": "string", "description": "Key to store it under.", "default": ""}},
  "output": {"bucket": {"type": "string", "description": "Bucket that holds the image."},
             "key": {"type": "string", "description": "Key of the image."}}},
 {"name": "generatepublicurl", "description": "Generates the public URL of an object in an S3 bucket.",
  "input": {"bucket": {"type": "string", "description": "Bucket that holds the object."},
            "key": {"type": "string", "description": "Key of the object."}},
  "output": {"url": {"type": "string", "format": "uri", "description": "Public URL."}}},
 {"name": "grayscale", "description": "Turns an image into black and white.",
  "input": {"image": {"type": "string", "contentEncoding": "base64", "description": "The image."}},
  "output": {"gray_image": {"type": "string", "contentEncoding": "base64", "description": "The gray image."}}},
 {"name": "shorten_url", "description": "Shortens a URL.",
  "input": {"url": {"type": "string", "format": "uri", "description": "The URL."}},
  "output": {"short_url": {"type": "string", "format": "uri", "description": "The short URL."}}}
])json";

plan::Attachment file(const std::string& key, const std::string& type) {
  const std::string name = key.substr(key.find_last_of('/') + 1);
  return {.bucket = "uploads",
          .key = key,
          .filename = name,
          .content_type = type,
          .size = 5'000,
          .url = "s3://uploads/" + key,
          .presigned_url = "http://127.0.0.1:8000/uploads/" + key + "?X-Amz-Signature=00"};
}
const plan::Attachment kPhoto = file("f1/photo.jpg", "image/jpeg");

Solution plan_for(std::string_view text, std::string_view functions,
                  const std::vector<plan::Attachment>& files) {
  return solve_all(text, read_functions(functions), files).front();
}

TEST(Files, ARetrievedImageIsResizedUploadedAndItsUrlReturned) {
  const Solution solution = plan_for(kPublicUrl, kImages, {kPhoto});
  EXPECT_THAT(
      steps(solution),
      ElementsAre("getimagefroms3(bucket=$bucket, key=$key)",
                  "resizeimage(image=getimagefroms3.image, width=$width, height=$height)",
                  "uploadimagetos3(image=resizeimage.resized_image)",
                  "generatepublicurl(bucket=uploadimagetos3.bucket, key=uploadimagetos3.key)"));
  EXPECT_EQ(
      solution.first_inputs,
      (Json{{"bucket", "uploads"}, {"key", "f1/photo.jpg"}, {"width", 256}, {"height", 256}}));
  EXPECT_THAT(solution.missing_inputs, IsEmpty());
  // The file is the caller's own; the size is a setting.
  EXPECT_EQ(solution.workflow.inputs["required"], (Json{"bucket", "key"}));
  EXPECT_EQ(solution.workflow.inputs["properties"]["width"]["default"], 256);
}

TEST(Files, WithoutAFileTheCallerIsAskedWhereItLies) {
  const Solution solution = plan_for(kPublicUrl, kImages, {});
  EXPECT_THAT(solution.missing_inputs, UnorderedElementsAre("bucket", "key"));
  EXPECT_EQ(solution.workflow.nodes.size(), 4U);
}

// What four packages say that declare nothing: names alone.
constexpr std::string_view kNamesOnly = R"json([
 {"name": "getimagefroms3", "description": "",
  "input": {"bucket_name": {}, "image_key": {}}, "output": {"image_data": {}}},
 {"name": "resizeimage", "description": "",
  "input": {"image_data": {}, "width": {}, "height": {}}, "output": {"resized_image_data": {}}},
 {"name": "uploadimagetos3", "description": "",
  "input": {"image_data": {}, "bucket_name": {}, "image_key": {}},
  "output": {"bucket_name": {}, "image_key": {}}},
 {"name": "generatepublicurl", "description": "",
  "input": {"bucket_name": {}, "image_key": {}}, "output": {"public_url": {}}}
])json";

TEST(Files, NamesAloneCanSayWhatFeedsWhat) {
  const Solution solution = plan_for(kPublicUrl, kNamesOnly, {kPhoto});
  EXPECT_THAT(steps(solution),
              ElementsAre("getimagefroms3(bucket_name=$bucket_name, image_key=$image_key)",
                          "resizeimage(image_data=getimagefroms3.image_data, width=$width, "
                          "height=$height)",
                          "uploadimagetos3(image_data=resizeimage.resized_image_data, "
                          "bucket_name=$bucket_name, image_key=$uploadimagetos3_image_key)",
                          "generatepublicurl(bucket_name=uploadimagetos3.bucket_name, "
                          "image_key=uploadimagetos3.image_key)"));
  // What is uploaded does not overwrite the file that came.
  EXPECT_EQ(solution.first_inputs["uploadimagetos3_image_key"], "results/f1/photo.jpg");
  EXPECT_EQ(solution.first_inputs["image_key"], "f1/photo.jpg");
}

constexpr std::string_view kOffice = R"json([
 {"name": "merge_letter", "description": "Merges a letter template with the rows of a table.",
  "input": {"template": {"type": "string", "description": "PDF document with the template.", "contentMediaType": "application/pdf"},
            "rows": {"type": "string", "description": "CSV file with the rows, as a path such as letters/rows.csv.", "examples": ["letters/rows.csv"]}},
  "output": {"letters": {"type": "integer", "description": "Number of letters made."}}},
 {"name": "scan_link", "description": "Checks a link for malware.",
  "input": {"link": {"type": "string", "format": "uri", "description": "Link to check.", "examples": ["https://example.com/a"]}},
  "output": {"safe": {"type": "boolean", "description": "Whether it is safe."}}},
 {"name": "detect_faces", "description": "Detects faces in a photo in S3.",
  "input": {"image_url": {"type": "string", "description": "S3 URL of the photo.", "examples": ["s3://bucket/cat.jpg"]}},
  "output": {"faces": {"type": "integer", "description": "Number of faces."}}},
 {"name": "compare_photos", "description": "Compares two photos.",
  "input": {"first_photo": {"type": "string", "description": "File name of the first photo.", "examples": ["cat.jpg"]},
            "second_photo": {"type": "string", "description": "File name of the second photo.", "examples": ["cat.jpg"]}},
  "output": {"similarity": {"type": "number", "description": "How alike they are."}}}
])json";

TEST(Files, TypesTellSeveralFilesApart) {
  const Solution solution =
      plan_for("Merge the letter template with the rows of the table", kOffice,
               {file("f1/people.csv", "text/csv"), file("f2/letter.pdf", "application/pdf")});
  EXPECT_EQ(solution.first_inputs,
            (Json{{"template", "s3://uploads/f2/letter.pdf"}, {"rows", "f1/people.csv"}}));
}

TEST(Files, AFileOfAnotherSortIsNotForced) {
  const Solution solution =
      plan_for("Detect the faces in the photo", kOffice, {file("f1/people.csv", "text/csv")});
  EXPECT_THAT(solution.missing_inputs, ElementsAre("image_url"));
}

TEST(Files, TheFormOfTheParameterSaysWhichAddressIsMeant) {
  EXPECT_EQ(plan_for("Detect faces in the photo", kOffice, {kPhoto}).first_inputs,
            (Json{{"image_url", "s3://uploads/f1/photo.jpg"}}));
  EXPECT_EQ(plan_for("Check the file's link for malware", kOffice, {kPhoto}).first_inputs,
            (Json{{"link", kPhoto.presigned_url}}));
}

TEST(Files, OrderTellsFilesOfOneTypeApartAndMentionsWin) {
  const plan::Attachment other = file("f2/other.jpg", "image/jpeg");
  EXPECT_EQ(plan_for("Compare the two photos", kOffice, {kPhoto, other}).first_inputs,
            (Json{{"first_photo", "photo.jpg"}, {"second_photo", "other.jpg"}}));
  EXPECT_EQ(plan_for("Detect the faces in other.jpg", kOffice, {kPhoto, other}).first_inputs,
            (Json{{"image_url", "s3://uploads/f2/other.jpg"}}));
}

}  // namespace
}  // namespace ae::solve
