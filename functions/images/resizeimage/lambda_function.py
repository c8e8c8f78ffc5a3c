"""Resizes an image to exactly the size asked for; what sticks out is cropped evenly."""
import logging

from PIL import Image, ImageOps

from picture import check_size, open_picture, picture_text

logger = logging.getLogger()


def lambda_handler(event, context):
    width, height = int(event["width"]), int(event["height"])
    check_size(width, height)
    picture, kind = open_picture(event["image"])
    logger.info("from %dx%d to %dx%d", *picture.size, width, height)
    if picture.mode == "P":  # a palette cannot blend
        picture = picture.convert("RGBA")
    resized = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    return {"resized_image": picture_text(resized, kind)}
