// How much flour there is.
exports.handler = async () => ({ flour: 25 });
