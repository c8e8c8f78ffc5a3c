"""Pictures as base64 text, the form in which they travel between functions.

The same file lies beside every handler of this pack that opens a picture: a Lambda package stands
alone.
"""
import base64
import binascii
import io

from PIL import Image, ImageOps, UnidentifiedImageError

MAX_SIDE = 10_000
MAX_PIXELS = 50_000_000
# Lambda's limit for a response is 6 MB; what surrounds the picture needs little.
MAX_TEXT = 6_000_000
KEPT_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")


def open_picture(text):
    """The first frame, upright (cameras only note how they were held), and its format."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the image is not base64 text") from None
    try:
        picture = Image.open(io.BytesIO(data))
        width, height = picture.size
        if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
            raise ValueError(
                f"the image has {width}x{height} pixels; up to {MAX_SIDE} a side and "
                f"{MAX_PIXELS // 1_000_000} million altogether can be worked on")
        kind = picture.format
        return ImageOps.exif_transpose(picture), kind
    except Image.DecompressionBombError:
        raise ValueError("the image has far too many pixels to be worked on") from None
    except UnidentifiedImageError:
        raise ValueError("the image is in no format that can be read") from None
    except (OSError, SyntaxError):
        raise ValueError("the image is damaged: it ends early or contradicts itself") from None


def check_size(width, height):
    if min(width, height) < 1:
        raise ValueError(f"an image cannot be {width}x{height} pixels")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise ValueError(
            f"{width}x{height} pixels are too many; up to {MAX_SIDE} a side and "
            f"{MAX_PIXELS // 1_000_000} million altogether are possible")


def on_white(picture):
    """Without transparency, which JPEG lacks."""
    if picture.mode in ("RGB", "L"):
        return picture
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def picture_text(picture, kind):
    """Base64 text of the picture in `kind`, or in PNG when `kind` is none of the usual formats."""
    kind = kind if kind in KEPT_FORMATS else "PNG"
    out = io.BytesIO()
    if kind == "JPEG":
        on_white(picture).save(out, kind, quality=90)
    else:
        picture.save(out, kind)
    text = base64.b64encode(out.getvalue()).decode("ascii")
    if len(text) > MAX_TEXT:
        raise ValueError(
            f"the {kind} picture has {len(text)} characters as text, more than the {MAX_TEXT} that "
            "fit into an answer; make it smaller or choose another format")
    return text
