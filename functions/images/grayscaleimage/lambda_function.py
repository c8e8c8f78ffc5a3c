"""Takes the colours out of an image."""
from picture import open_picture, picture_text


def lambda_handler(event, context):
    picture, kind = open_picture(event["image"])
    has_alpha = picture.mode in ("LA", "RGBA", "PA") or "transparency" in picture.info
    gray = picture.convert("RGBA").convert("LA") if has_alpha else picture.convert("L")
    return {"grayscale_image": picture_text(gray, kind)}
