"""Buckets through the worst: the server killed in the middle of puts, and objects that are much
larger than its memory may be. Arguments choose test classes; Large takes a minute or more."""

import hashlib
import http.client
import json
import os
import random
import threading
import time
import unittest
import urllib.parse

import boto3
import botocore.config
import harness

MB = 1 << 20


def client_of(home):
    printed = home.ae("env", "-o", "json")
    variables = json.loads(printed.stdout)
    return boto3.session.Session(
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1").client(
            "s3", endpoint_url=home.url,
            config=botocore.config.Config(signature_version="s3v4", retries={"max_attempts": 0}))


def send(url, pieces, size):
    """Puts a body that is made as it is sent. Returns the status."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=600)
    try:
        connection.putrequest("PUT", f"{parts.path}?{parts.query}")
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        for piece in pieces:
            connection.send(piece)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


class Crash(unittest.TestCase):
    def test_a_server_killed_while_it_takes_objects_keeps_the_old_or_the_new_one(self):
        versions = [bytes([65 + i]) * (3 * MB + i) for i in range(6)]
        chance = random.Random(7)
        with harness.Home() as home:
            home.start()
            s3 = client_of(home)
            s3.create_bucket(Bucket="crash")
            s3.put_object(Bucket="crash", Key="k", Body=versions[0])
            acknowledged = [0]
            for _ in range(8):
                stop = threading.Event()

                def write():
                    number = acknowledged[0]
                    while not stop.is_set():
                        number = (number + 1) % len(versions)
                        try:
                            s3.put_object(Bucket="crash", Key="k", Body=versions[number])
                        except Exception:  # the server is gone
                            return
                        acknowledged[0] = number

                writer = threading.Thread(target=write)
                writer.start()
                time.sleep(chance.uniform(0.02, 0.3))  # somewhere in a put
                home.kill()
                stop.set()
                writer.join()
                s3.close()
                home.start()
                s3 = client_of(home)
                body = s3.get_object(Bucket="crash", Key="k")["Body"].read()
                self.assertIn(body, versions)
                number = versions.index(body)
                # What was acknowledged is there, or the one that was on its way.
                self.assertIn(number, (acknowledged[0], (acknowledged[0] + 1) % len(versions)))
                acknowledged[0] = number
                objects = home.path / "home" / "objects"
                self.assertEqual(list((objects / "staging").iterdir()), [])
                files = [f for f in (objects / "data").rglob("*") if f.is_file()]
                self.assertEqual(len(files), 1)
            s3.close()

    def test_a_body_that_ends_in_the_middle_changes_nothing(self):
        with harness.Home() as home:
            home.start()
            s3 = client_of(home)
            s3.create_bucket(Bucket="half")
            s3.put_object(Bucket="half", Key="k", Body=b"old")
            url = s3.generate_presigned_url("put_object", {"Bucket": "half", "Key": "k"})
            parts = urllib.parse.urlsplit(url)
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
            connection.putrequest("PUT", f"{parts.path}?{parts.query}")
            connection.putheader("Content-Length", str(10 * MB))
            connection.endheaders()
            connection.send(b"n" * (5 * MB))
            connection.close()
            self.assertEqual(s3.get_object(Bucket="half", Key="k")["Body"].read(), b"old")
            staging = home.path / "home" / "objects" / "staging"
            deadline = time.monotonic() + 30
            while list(staging.iterdir()) and time.monotonic() < deadline:
                time.sleep(0.01)
            self.assertEqual(list(staging.iterdir()), [])
            s3.close()


class Large(unittest.TestCase):
    """A gigabyte up and down. Memory is what the kernel says of the process."""

    SIZE = 1024 * MB
    ROOM = 64 * MB  # for buffers, whatever the size of the object

    def memory(self, home, field):
        for line in open(f"/proc/{home.server.pid}/status", encoding="ascii"):
            if line.startswith(field):
                return int(line.split()[1]) * 1024
        raise AssertionError(field)

    def test_a_gigabyte_goes_up_and_down_in_constant_memory(self):
        piece = os.urandom(MB)
        count = self.SIZE // len(piece)
        with harness.Home() as home:
            home.start()
            s3 = client_of(home)
            s3.create_bucket(Bucket="large")
            s3.put_object(Bucket="large", Key="warm", Body=b"up")
            before = self.memory(home, "VmHWM:")
            url = s3.generate_presigned_url("put_object", {"Bucket": "large", "Key": "k"})
            started = time.monotonic()
            self.assertEqual(send(url, (piece for _ in range(count)), self.SIZE), 200)
            up = time.monotonic() - started
            expected = hashlib.md5()
            for _ in range(count):
                expected.update(piece)
            head = s3.head_object(Bucket="large", Key="k")
            self.assertEqual(head["ContentLength"], self.SIZE)
            self.assertEqual(head["ETag"], f'"{expected.hexdigest()}"')
            started = time.monotonic()
            received = hashlib.md5()
            for chunk in s3.get_object(Bucket="large", Key="k")["Body"].iter_chunks(MB):
                received.update(chunk)
            down = time.monotonic() - started
            self.assertEqual(received.hexdigest(), expected.hexdigest())
            grown = self.memory(home, "VmHWM:") - before
            print(f"1 GB: up {up:.1f} s, down {down:.1f} s, memory grew by {grown // 1024} KB")
            self.assertLess(grown, self.ROOM)
            s3.close()


if __name__ == "__main__":
    unittest.main()
