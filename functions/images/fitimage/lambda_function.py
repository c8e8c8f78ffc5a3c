"""Scales an image down until it fits into a box; nothing is cropped, the proportions stay."""
import logging

from PIL import Image

from picture import check_size, open_picture, picture_text

logger = logging.getLogger()


def lambda_handler(event, context):
    box = int(event["max_width"]), int(event["max_height"])
    check_size(*box)
    picture, kind = open_picture(event["image"])
    if picture.mode == "P":  # a palette cannot blend
        picture = picture.convert("RGBA")
    picture.thumbnail(box, Image.Resampling.LANCZOS)
    logger.info("fitted into %dx%d: %dx%d", *box, *picture.size)
    return {"fitted_image": picture_text(picture, kind)}
