"""What a ticket looks like."""


def valid(ticket):
    return ticket.startswith("F-")
