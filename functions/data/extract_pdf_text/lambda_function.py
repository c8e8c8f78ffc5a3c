"""The text of a PDF file. Pages that are pictures of text have none."""
import base64
import binascii
import io
import logging

from pypdf import PdfReader
from pypdf.errors import PyPdfError

logger = logging.getLogger()
logging.getLogger("pypdf").setLevel(logging.ERROR)  # it comments on every small irregularity

MOST_PAGES = 500


def lambda_handler(event, context):
    try:
        data = base64.b64decode(event["document"], validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the document is not base64 text") from None
    if not data.startswith(b"%PDF-"):
        raise ValueError("the document is no PDF file")
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise ValueError("the PDF file is protected by a password")
        if len(reader.pages) > MOST_PAGES:
            raise ValueError(
                f"the PDF file has {len(reader.pages)} pages; up to {MOST_PAGES} are read")
        pages = [page.extract_text().strip() for page in reader.pages]
    except (PyPdfError, KeyError, IndexError, TypeError, AttributeError, RecursionError,
            NotImplementedError) as error:
        logger.info("pypdf: %r", error)
        raise ValueError("the PDF file is damaged") from None
    text = "\n\n".join(page for page in pages if page)
    if not text:
        raise ValueError("the PDF file holds no text; its pages may be scanned pictures")
    return {"document_text": text, "page_count": len(pages)}
