#!/usr/bin/python3
"""The sentence with the photo, and the image functions on the server's own buckets.

Pictures are generated; what a printed URL leads to is fetched and measured.
"""
import base64
import io
import json
import pathlib
import random
import re
import sys
import unittest
import urllib.error
import urllib.request
import zipfile

import boto3
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import harness  # noqa: E402

SENTENCE = ("Create a workflow that retrieves an image from S3, resizes it to 256x256 and returns "
            "the public URL of the resized image for display in the UI")
FOUR = ("getimagefroms3", "resizeimage", "uploadimagetos3", "generatepublicurl")


# The four as somebody writes them who knows AWS and nothing of this program: no sidecar, no endpoint.
PLAIN = {
    "getimagefroms3": """
import base64
import boto3

s3 = boto3.client("s3")

def lambda_handler(event, context):
    \"\"\"Retrieves an image from an S3 bucket.\"\"\"
    found = s3.get_object(Bucket=event["bucket"], Key=event["key"])
    return {"image": base64.b64encode(found["Body"].read()).decode()}
""",
    "resizeimage": """
import base64
import io
from PIL import Image

def lambda_handler(event, context):
    \"\"\"Resizes an image to the given width and height in pixels.\"\"\"
    picture = Image.open(io.BytesIO(base64.b64decode(event["image"])))
    out = io.BytesIO()
    picture.resize((int(event["width"]), int(event["height"]))).save(out, "JPEG")
    return {"resized_image": base64.b64encode(out.getvalue()).decode()}
""",
    "uploadimagetos3": """
import base64
import hashlib
import boto3

s3 = boto3.client("s3")

def lambda_handler(event, context):
    \"\"\"Uploads an image to an S3 bucket.\"\"\"
    data = base64.b64decode(event["image"])
    bucket, key = "uploads", "images/" + hashlib.sha256(data).hexdigest() + ".jpg"
    s3.put_object(Bucket=bucket, Key=key, Body=data, ContentType="image/jpeg")
    return {"bucket": bucket, "key": key}
""",
    "generatepublicurl": """
import boto3

s3 = boto3.client("s3")

def lambda_handler(event, context):
    \"\"\"Generates a public URL of an uploaded image in an S3 bucket.\"\"\"
    url = s3.generate_presigned_url(
        "get_object", Params={"Bucket": event["bucket"], "Key": event["key"]}, ExpiresIn=3600)
    return {"url": url}
""",
}


def photo(width=640, height=480):
    """A JPEG with some detail, the same every time."""
    dots = random.Random(7)
    small = Image.new("RGB", (32, 24))
    small.putdata([tuple(dots.randrange(256) for _ in range(3)) for _ in range(32 * 24)])
    out = io.BytesIO()
    small.resize((width, height)).save(out, "JPEG", quality=90)
    return out.getvalue()


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read(), answer.headers


class WithServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = harness.Home()
        cls.addClassCleanup(cls.home.__exit__)
        init = cls.home.ae("init")
        if init.returncode != 0:
            raise AssertionError(init.stderr)
        cls.home.start()

    def call(self, function, **event):
        """One invocation of a registered function: its result, or its error's type."""
        status, answer, _ = self.home.call("POST", f"/v1/functions/{function}/invocations",
                                           {"input": event})
        self.assertEqual(200, status, answer)
        error = answer.get("error")
        return error["type"] if error else answer["output"]

    def upload(self, data):
        return self.call("uploadimagetos3", image=base64.b64encode(data).decode())


class Functions(WithServer):
    def test_every_example_of_every_bundled_function_comes_true(self):
        # In every language, in the sandbox of this machine, over the API.
        status, functions, _ = self.home.call("GET", "/v1/functions")
        self.assertEqual(200, status)
        self.assertGreaterEqual(len(functions), 50)
        tested = self.home.ae("fn", "test", "-o", "json", timeout=280)
        failed = [one for one in json.loads(tested.stdout) if not one["passed"]]
        self.assertEqual([], failed)

    def test_what_is_uploaded_is_what_is_retrieved(self):
        data = photo()
        place = self.upload(data)
        self.assertEqual(place, self.upload(data))  # equal pictures are one object
        got = self.call("getimagefroms3", **place)
        self.assertEqual("image/jpeg", got["content_type"])
        self.assertEqual(data, base64.b64decode(got["image"]))

    def test_another_picture_is_not_replaced(self):
        place = self.upload(photo())
        other = base64.b64encode(photo(64, 64)).decode()
        self.assertEqual("FileExistsError", self.call("uploadimagetos3", image=other, **place))

    def test_a_photo_too_large_for_an_answer_is_reduced(self):
        noise = Image.effect_noise((3000, 2400), 90).convert("RGB")
        out = io.BytesIO()
        noise.save(out, "JPEG", quality=92)
        self.assertGreater(len(out.getvalue()), 4_400_000)
        # Larger than an event may be, so that it cannot come through uploadimagetos3 whole.
        place = self.put(out.getvalue(), "noise.jpg")
        got = self.call("getimagefroms3", **place)
        self.assertLess(len(got["image"]), 6_000_000)
        self.assertEqual("image/jpeg", got["content_type"])

    def put(self, data, name):
        """Puts a file as people do: with a run's --file, or the page's upload."""
        boundary = "b" * 24
        body = (f"--{boundary}\r\nContent-Disposition: form-data; name=\"files\"; "
                f"filename=\"{name}\"\r\nContent-Type: image/jpeg\r\n\r\n").encode()
        body += data + f"\r\n--{boundary}--\r\n".encode()
        request = urllib.request.Request(self.home.url + "/upload-files", data=body, method="POST")
        request.add_header("Content-Type", f"multipart/form-data; boundary={boundary}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            [uploaded] = json.loads(answer.read())["uploaded_files"]
        bucket, key = re.fullmatch(r"s3://([^/]+)/(.+)", uploaded["s3_url"]).groups()
        return {"bucket": bucket, "key": key}

    def test_a_public_url_shows_the_picture_and_ends_when_its_time_is_over(self):
        data = photo()
        place = self.upload(data)
        url = self.call("generatepublicurl", **place)["url"]
        got, headers = fetch(url)
        self.assertEqual((data, "image/jpeg"), (got, headers["Content-Type"]))
        forged = url.replace(place["key"], place["key"][:-5] + "x.jpg")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            fetch(forged)
        self.assertEqual(403, refused.exception.code)
        refused.exception.close()

    def test_missing_things_are_said_so(self):
        nowhere = {"bucket": self.upload(photo())["bucket"], "key": "no/such.jpg"}
        for function in ("getimagefroms3", "generatepublicurl", "getdocumentfroms3"):
            self.assertEqual("FileNotFoundError", self.call(function, **nowhere))
            self.assertEqual("FileNotFoundError",
                             self.call(function, bucket="no-such-bucket", key="x"))


class Sentence(unittest.TestCase):
    def answer(self, home):
        """Runs the sentence with a photo as a user does and returns what lies at the URL."""
        path = home.path / "photo.jpg"
        path.write_bytes(photo())
        done = home.ae("run", "--file", str(path), SENTENCE)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        url = done.stdout.strip().splitlines()[-1]
        self.assertRegex(url, r"^http://127\.0\.0\.1:\d+/")
        data, headers = fetch(url)
        self.assertEqual("image/jpeg", headers["Content-Type"])
        return Image.open(io.BytesIO(data)), done.stdout

    def test_a_photo_becomes_a_picture_of_256_by_256_at_a_url(self):
        with harness.Home() as home:
            self.assertEqual(0, home.ae("init").returncode)
            picture, shown = self.answer(home)
            self.assertEqual((256, 256), picture.size)
            for function in FOUR:
                self.assertIn(function, shown)

    def test_the_same_with_nothing_but_four_zips(self):
        with harness.Home() as home:
            for name in FOUR:
                archive = home.path / f"{name}.zip"
                with zipfile.ZipFile(archive, "w") as out:
                    for path in sorted((harness.bundled_packs() / "images" / name).iterdir()):
                        out.write(path, path.name)
                added = home.ae("fn", "add", str(archive))
                self.assertEqual(0, added.returncode, added.stderr)
            picture, _ = self.answer(home)
            self.assertEqual((256, 256), picture.size)

    def test_the_same_with_zips_that_know_only_aws(self):
        with harness.Home() as home:
            for name, source in PLAIN.items():
                archive = home.path / f"{name}.zip"
                with zipfile.ZipFile(archive, "w") as out:
                    out.writestr("lambda_function.py", source)
                added = home.ae("fn", "add", str(archive))
                self.assertEqual(0, added.returncode, added.stderr)
            picture, _ = self.answer(home)
            self.assertEqual((256, 256), picture.size)


if __name__ == "__main__":
    unittest.main()
