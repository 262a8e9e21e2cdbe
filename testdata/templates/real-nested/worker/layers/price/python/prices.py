"""What a seat costs."""

SEAT = 4
