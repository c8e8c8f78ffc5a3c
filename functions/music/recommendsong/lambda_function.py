"""Chooses a song for a mood."""
import logging
import os

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

SONGS = {
    "happy": "Happy Tune",
    "sad": "Blue Window",
    "calm": "Quiet Harbour",
    "energetic": "Run the Lights",
    "focused": "Paper Lanterns",
}


def lambda_handler(event, context):
    mood = event["mood"].strip().lower()
    if mood not in SONGS:
        # A song for the wrong mood is worse than none: say what we have instead.
        raise ValueError(f"no song for mood {mood!r}; moods served: {', '.join(SONGS)}")
    song_title = SONGS[mood]
    logger.info("for a %s mood: %s", mood, song_title)
    return {"song_title": song_title}
