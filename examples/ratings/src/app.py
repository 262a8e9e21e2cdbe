"""Counts the ratings of a film and averages them.

Takes {"id": "alien", "ratings": [5, 4]}, or an HTTP request of API Gateway with that as its body.
"""

import json
import logging
import os

BEST = int(os.environ.get("BEST_RATING", "5"))

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def handler(event, context):
    if not isinstance(event, dict) or "body" not in event:
        return summary(event)
    try:
        return response(200, summary(json.loads(event["body"] or "")))
    except json.JSONDecodeError as error:
        return response(400, {"error": f"the body is not JSON: {error}"})
    except ValueError as error:
        return response(400, {"error": str(error)})


def summary(film):
    check(film)
    ratings = film["ratings"]
    print(f"{len(ratings)} ratings for {film['id']}")
    average = round(sum(ratings) / len(ratings), 2)
    logger.info("average of %s: %s", film["id"], average)
    return {"id": film["id"], "count": len(ratings), "average": average}


def check(film):
    if not isinstance(film, dict) or not isinstance(film.get("id"), str):
        raise ValueError('expected {"id": "...", "ratings": [...]}')
    ratings = film.get("ratings")
    if not isinstance(ratings, list) or not ratings:
        raise ValueError("ratings: expected a list with at least one number")
    for rating in ratings:
        if not isinstance(rating, (int, float)) or not 1 <= rating <= BEST:
            raise ValueError(f"ratings: {rating!r} is not a number from 1 to {BEST}")


def response(status, body):
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
