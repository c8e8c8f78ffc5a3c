"""Measures an image."""
from picture import open_picture


def lambda_handler(event, context):
    picture, kind = open_picture(event["image"])
    width, height = picture.size
    return {"image_width": width, "image_height": height, "file_format": kind.lower()}
