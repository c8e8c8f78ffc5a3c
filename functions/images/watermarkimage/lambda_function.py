"""Writes a half transparent text across the lower right corner of an image."""
from PIL import Image, ImageDraw, ImageFont

from picture import open_picture, picture_text


def lambda_handler(event, context):
    words = event["watermark_text"].strip()
    if not words:
        raise ValueError("the watermark has no text")
    picture, kind = open_picture(event["image"])
    layer = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    font = ImageFont.load_default()
    try:
        left, top, right, bottom = pen.textbbox((0, 0), words, font=font)
    except UnicodeEncodeError:
        raise ValueError("the watermark has letters that the built-in font lacks") from None
    # The built-in font has one small size: drawn once, then scaled to a third of the width.
    stamp = Image.new("L", (right - left, bottom - top), 0)
    ImageDraw.Draw(stamp).text((-left, -top), words, font=font, fill=255)
    scale = max(1, picture.width // (3 * stamp.width))
    stamp = stamp.resize((stamp.width * scale, stamp.height * scale))
    margin = 4 * scale
    corner = (picture.width - stamp.width - margin, picture.height - stamp.height - margin)
    layer.paste((255, 255, 255, 160), (max(corner[0], 0), max(corner[1], 0)), stamp)
    marked = Image.alpha_composite(picture.convert("RGBA"), layer)
    return {"watermarked_image": picture_text(marked, kind)}
