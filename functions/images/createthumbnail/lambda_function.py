"""A small square JPEG preview of an image."""
from PIL import Image, ImageOps

from picture import check_size, on_white, open_picture, picture_text


def lambda_handler(event, context):
    side = int(event.get("edge_length", 96))
    check_size(side, side)
    picture, _ = open_picture(event["image"])
    small = ImageOps.fit(on_white(picture), (side, side), Image.Resampling.LANCZOS)
    return {"thumbnail": picture_text(small, "JPEG")}
