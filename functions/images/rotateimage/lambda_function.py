"""Turns an image clockwise."""
from PIL import Image

from picture import check_size, open_picture, picture_text

QUARTER_TURNS = {
    90: Image.Transpose.ROTATE_270,  # Pillow counts the other way round
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}


def lambda_handler(event, context):
    angle = float(event["angle"]) % 360
    picture, kind = open_picture(event["image"])
    if angle in QUARTER_TURNS:
        picture = picture.transpose(QUARTER_TURNS[angle])  # exact, and without loss
    elif angle:
        picture = picture.convert("RGBA").rotate(-angle, Image.Resampling.BICUBIC, expand=True)
        check_size(*picture.size)
    return {"rotated_image": picture_text(picture, kind)}
