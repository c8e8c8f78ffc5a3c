"""Lists what was booked for a person, by whichever function of this pack."""
import json
import os
import tempfile


def lambda_handler(event, context):
    person = event["person"].strip()
    if not person:
        raise ValueError("whose bookings? The name is empty")
    folder = os.path.join(os.environ.get("AE_STATE_DIR") or tempfile.gettempdir(), "bookings")
    found = []
    try:
        references = sorted(os.listdir(folder))
    except FileNotFoundError:
        references = []
    for reference in references:
        with open(os.path.join(folder, reference), encoding="utf-8") as source:
            booking = json.load(source)
        if booking["person"].casefold() == person.casefold():
            found.append({"booking_reference": reference, "kind": booking["kind"],
                          "booked": booking["booked"]})
    return {"bookings": found}
