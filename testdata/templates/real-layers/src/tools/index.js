// Kilograms to pounds.
exports.handler = async (event) => require('units').pounds(event.kilograms);
