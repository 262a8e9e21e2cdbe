// Invoices for a tiler.
exports.handler = async (event) => ({ invoice: event.quote });
