"""Resizes an image to a width and height."""
import base64
import io

from PIL import Image


def resize(image_bytes, size):
    with Image.open(io.BytesIO(image_bytes)) as picture:
        resized = picture.convert("RGB").resize(size)
    out = io.BytesIO()
    resized.save(out, format="PNG")
    return out.getvalue()


def lambda_handler(event, context):
    image_bytes = base64.b64decode(event["image"])
    width = int(event["width"])
    height = int(event["height"])
    resized = resize(image_bytes, (width, height))
    return {
        "resized_image": base64.b64encode(resized).decode("ascii"),
        "width": width,
        "height": height,
    }
