"""Writes an image in another file format."""
from picture import open_picture, picture_text

FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP", "gif": "GIF"}


def lambda_handler(event, context):
    wanted = event["image_format"].lower()
    if wanted not in FORMATS:
        raise ValueError(f"cannot write images as {wanted!r}; possible: {', '.join(FORMATS)}")
    picture, _ = open_picture(event["image"])
    return {"converted_image": picture_text(picture, FORMATS[wanted])}
