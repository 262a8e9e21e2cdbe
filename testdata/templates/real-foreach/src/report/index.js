// The settings of the report.
exports.handler = async () => JSON.parse(process.env.SETTINGS);
