"""Starts playback of one song."""
import logging
import os

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))


def lambda_handler(event, context):
    song_title = event["song_title"].strip()
    if not song_title:
        raise ValueError("the song title is empty: there is nothing to play")
    logger.info("playing %s", song_title)
    return {"message": f"Now playing: {song_title}"}
