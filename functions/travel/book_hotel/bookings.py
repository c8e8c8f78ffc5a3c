"""Keeps bookings, one file each, so that booking the same twice is booking it once.

The same file lies beside every handler that books: a Lambda package stands alone.
"""
import hashlib
import json
import os
import tempfile

# Letters and digits that nobody confuses on the telephone.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def folder():
    return os.path.join(os.environ.get("AE_STATE_DIR") or tempfile.gettempdir(), "bookings")


def book(kind, what, person):
    """Files the booking and returns its reference."""
    person = person.strip()
    if not person:
        raise ValueError("a booking needs the name of a person")
    digest = hashlib.sha256(json.dumps([kind, what, person.casefold()]).encode()).digest()
    reference = "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:8])
    os.makedirs(folder(), exist_ok=True)
    try:
        with open(os.path.join(folder(), reference), "x", encoding="utf-8") as out:
            json.dump({"kind": kind, "booked": what, "person": person}, out)
    except FileExistsError:
        pass
    return reference
