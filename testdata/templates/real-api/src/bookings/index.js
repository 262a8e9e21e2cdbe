// Who digs where.
exports.book = async (event) => ({ booked: event.plot });
exports.cancel = async (event) => ({ cancelled: event.plot });
