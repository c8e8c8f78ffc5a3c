#!/usr/bin/python3
"""Tests the image functions on pictures that are made here: python3 functions/images_test.py"""
import base64
import io
import pathlib
import sys
import unittest
import zlib

from PIL import Image

PACKS_DIR = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(PACKS_DIR))

import local_runtime  # noqa: E402

RED, BLUE, WHITE = (220, 30, 30), (30, 30, 220), (255, 255, 255)


def text_of(picture, kind="PNG", **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return base64.b64encode(out.getvalue()).decode("ascii")


def picture_of(text):
    return Image.open(io.BytesIO(base64.b64decode(text)))


def stripes(width, height, left=RED, right=BLUE):
    """The left half in one colour, the right half in the other."""
    picture = Image.new("RGB", (width, height), right)
    picture.paste(left, (0, 0, width // 2, height))
    return picture


def is_near(pixel, colour):
    return all(abs(a - b) < 12 for a, b in zip(pixel, colour))


class Images(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.functions = {}
        for folder, spec in local_runtime.load_packs(PACKS_DIR).items():
            if folder.parent.name == "images" and not local_runtime.needs_s3(folder):
                cls.functions[spec["name"]] = local_runtime.load_handler(folder, spec)

    def call(self, function, picture, **arguments):
        text = picture if isinstance(picture, str) else text_of(picture)
        return self.functions[function]({"image": text, **arguments}, None)

    def refuses(self, function, picture, words, **arguments):
        with self.assertRaisesRegex(ValueError, words):
            self.call(function, picture, **arguments)

    def test_resizing_gives_exactly_the_size_from_any_shape(self):
        for shape in ((640, 480), (480, 640), (256, 256), (16, 9), (3000, 10)):
            with self.subTest(shape):
                small = self.call("resizeimage", stripes(*shape), width=256, height=256)
                self.assertEqual((256, 256), picture_of(small["resized_image"]).size)

    def test_resizing_crops_evenly_instead_of_squeezing(self):
        # A ring of blue around a red square in the middle: only the square is left.
        wide = Image.new("RGB", (300, 100), BLUE)
        wide.paste(RED, (100, 0, 200, 100))
        small = picture_of(self.call("resizeimage", wide, width=50, height=50)["resized_image"])
        for x in (2, 25, 47):
            self.assertTrue(is_near(small.getpixel((x, 25)), RED))

    def test_the_three_ways_to_make_an_image_smaller_differ(self):
        wide = stripes(400, 100)
        exact = self.call("resizeimage", wide, width=80, height=80)["resized_image"]
        fitted = self.call("fitimage", wide, max_width=80, max_height=80)["fitted_image"]
        preview = self.call("createthumbnail", wide)["thumbnail"]
        self.assertEqual((80, 80), picture_of(exact).size)
        self.assertEqual((80, 20), picture_of(fitted).size)
        self.assertEqual(((96, 96), "JPEG"), (picture_of(preview).size, picture_of(preview).format))

    def test_fitting_never_enlarges(self):
        fitted = self.call("fitimage", stripes(30, 20), max_width=300, max_height=300)
        self.assertEqual((30, 20), picture_of(fitted["fitted_image"]).size)

    def test_formats_are_kept_and_rare_ones_become_png(self):
        for kind, expected in (("JPEG", "JPEG"), ("PNG", "PNG"), ("WEBP", "WEBP"), ("GIF", "GIF"),
                               ("BMP", "PNG"), ("TIFF", "PNG")):
            with self.subTest(kind):
                small = self.call("resizeimage", text_of(stripes(40, 30), kind), width=8, height=8)
                self.assertEqual(expected, picture_of(small["resized_image"]).format)

    def test_a_photo_held_upright_comes_out_upright(self):
        notes = Image.Exif()
        notes[0x0112] = 6  # "turn me by 90 degrees": how phones store an upright photo
        lying = text_of(stripes(60, 40), "JPEG", exif=notes.tobytes(), quality=95)
        self.assertEqual({"image_width": 40, "image_height": 60, "file_format": "jpeg"},
                         self.call("imageinfo", lying))
        small = picture_of(self.call("resizeimage", lying, width=40, height=60)["resized_image"])
        self.assertTrue(is_near(small.getpixel((20, 5)), RED))
        self.assertTrue(is_near(small.getpixel((20, 55)), BLUE))

    def test_what_was_transparent_is_white_in_jpeg(self):
        clear = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
        jpeg = self.call("convertimage", clear, image_format="jpeg")["converted_image"]
        self.assertTrue(is_near(picture_of(jpeg).convert("RGB").getpixel((5, 5)), WHITE))

    def test_transparency_survives_where_the_format_has_it(self):
        clear = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
        for function, field in (("resizeimage", "resized_image"),
                                ("grayscaleimage", "grayscale_image")):
            size = {"width": 5, "height": 5} if function == "resizeimage" else {}
            out = picture_of(self.call(function, clear, **size)[field]).convert("RGBA")
            self.assertEqual(0, out.getpixel((2, 2))[3])

    def test_quarter_turns_are_clockwise_and_exact(self):
        turned = picture_of(self.call("rotateimage", stripes(4, 2), angle=90)["rotated_image"])
        self.assertEqual((2, 4), turned.size)
        self.assertEqual((RED, BLUE), (turned.getpixel((0, 0)), turned.getpixel((0, 3))))
        leaning = self.call("rotateimage", stripes(40, 40), angle=45)["rotated_image"]
        self.assertGreater(picture_of(leaning).width, 40)

    def test_gray_is_gray(self):
        gray = self.call("grayscaleimage", stripes(4, 4))["grayscale_image"]
        self.assertEqual("L", picture_of(gray).mode)

    def test_a_watermark_changes_one_corner_only(self):
        plain = Image.new("RGB", (200, 100), BLUE)
        marked = picture_of(self.call("watermarkimage", plain, watermark_text="Draft")
                            ["watermarked_image"]).convert("RGB")
        self.assertEqual({BLUE}, set(marked.crop((0, 0, 100, 60)).getdata()))
        self.assertGreater(len(set(marked.crop((100, 60, 200, 100)).getdata())), 1)
        self.refuses("watermarkimage", plain, "letters", watermark_text="\u6587")

    def test_what_is_no_picture_is_said_so(self):
        whole = base64.b64decode(text_of(stripes(64, 64), "JPEG"))
        cut = base64.b64encode(whole[:len(whole) // 2]).decode()
        for function, more in (("resizeimage", {"width": 9, "height": 9}), ("imageinfo", {}),
                               ("createthumbnail", {}), ("grayscaleimage", {})):
            with self.subTest(function):
                self.refuses(function, "not base64", "not base64", **more)
                self.refuses(function, base64.b64encode(b"plain text").decode(), "format", **more)
                self.refuses(function, cut, "damaged", **more)

    def test_huge_pictures_are_refused_before_they_take_memory(self):
        # A PNG whose header promises 12 gigapixels and whose body never comes.
        header = bytearray(base64.b64decode(text_of(Image.new("L", (1, 1)))))
        header[16:24] = (120_000).to_bytes(4, "big") + (100_000).to_bytes(4, "big")
        header[29:33] = zlib.crc32(header[12:29]).to_bytes(4, "big")
        self.refuses("imageinfo", base64.b64encode(bytes(header)).decode(), "too many pixels")
        self.refuses("imageinfo", Image.new("1", (9000, 9000)), "9000x9000")
        for size in ((0, 10), (10, -1), (10_001, 10), (9000, 9000)):
            with self.subTest(size):
                self.refuses("resizeimage", stripes(8, 8), "pixels", width=size[0], height=size[1])

    def test_what_would_not_fit_into_an_answer_is_refused(self):
        noise = Image.effect_noise((2400, 2400), 200).convert("RGB")
        text = text_of(noise, "JPEG", quality=30)
        self.refuses("convertimage", text, "more than the 6000000", image_format="png")


if __name__ == "__main__":
    unittest.main()
